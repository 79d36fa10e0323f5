// SPDX-License-Identifier: BSD-2-Clause
#include "user/verbs/progress.h"

#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#define BAR 32

void progress_begin(struct progress *p, double total_s)
{
	const char *term = getenv("TERM");

	p->on = isatty(STDERR_FILENO) && (!term || strcmp(term, "dumb"));
	p->total_s = total_s;
}

static void draw(char bar[BAR + 1], double part)
{
	int filled = part < 0 ? 0 : part > 1 ? BAR : (int)(BAR * part);

	memset(bar, '.', BAR);
	memset(bar, '#', filled);
	bar[BAR] = '\0';
}

void progress_show(struct progress *p, double done_s, uint64_t samples)
{
	char bar[BAR + 1];

	if (!p->on)
		return;
	draw(bar, p->total_s ? done_s / p->total_s : 0);
	if (p->total_s)
		fprintf(stderr, "\r[%s] %.1f of %.1f s, %" PRIu64 " samples ", bar, done_s, p->total_s,
			samples);
	else
		fprintf(stderr, "\rrecording, %.1f s, %" PRIu64 " samples; Ctrl-C ends it ", done_s,
			samples);
}

void progress_count(struct progress *p, uint64_t done, uint64_t all, const char *what)
{
	char bar[BAR + 1];

	if (!p->on)
		return;
	draw(bar, all ? (double)done / all : 1);
	fprintf(stderr, "\r[%s] %" PRIu64 " of %" PRIu64 " %s ", bar, done, all, what);
}

void progress_say(struct progress *p, const char *what)
{
	if (p->on)
		fprintf(stderr, "\r\033[K%s …", what);
}

void progress_end(struct progress *p)
{
	if (p->on)
		fputs("\r\033[K", stderr);
	p->on = false;
}
