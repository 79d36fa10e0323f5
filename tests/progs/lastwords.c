// SPDX-License-Identifier: BSD-2-Clause
/*
 * lastwords HOW LOG: writes a line to LOG each 50 ms until SIGUSR1, then " going down", and aborts at once.
 * HOW: plain; rotate: LOG is renamed to LOG.1 between the last line and the death, and a new one has
 * a line too; copy: LOG is copied to LOG.1 and cut to nothing, and then has a line; early: it doesn't wait for
 * the signal; none: nothing is written.
 */
#include "prog.h"

#include <signal.h>
#include <sys/stat.h>

static const char *path;
static FILE *file;
static volatile sig_atomic_t asked;

static void on_signal(int number)
{
	(void)number;
	asked = 1;
}

static void put(const char *text)
{
	time_t now = time(NULL);
	struct tm tm;
	char when[32];

	gmtime_r(&now, &tm);
	strftime(when, sizeof(when), "%Y-%m-%dT%H:%M:%SZ", &tm);
	if (fprintf(file, "%s %s\n", when, text) < 0 || fflush(file))
		prog_die(path);
}

static void reopen(void)
{
	file = fopen(path, "ae");
	if (!file)
		prog_die(path);
}

static void copy_to(const char *to)
{
	FILE *from = fopen(path, "re"), *copy = fopen(to, "we");
	int c;

	if (!from || !copy)
		prog_die(to);
	while ((c = getc(from)) != EOF)
		putc(c, copy);
	fclose(copy);
	fclose(from);
}

int main(int argc, char **argv)
{
	const char *how = argc > 2 ? argv[1] : "none";
	char text[64], old[4096];

	path = argc > 2 ? argv[2] : "";
	snprintf(old, sizeof(old), "%s.1", path);
	asked = !strcmp(how, "early");
	if (signal(SIGUSR1, on_signal) == SIG_ERR)
		prog_die("SIGUSR1");
	if (strcmp(how, "none"))
		reopen();
	puts("ready");
	fflush(stdout);
	for (unsigned i = 0; !asked; i++) {
		snprintf(text, sizeof(text), "line %u", i);
		if (file)
			put(text);
		usleep(50000);
	}
	if (file)
		put("going down");
	if (!strcmp(how, "rotate")) {
		if (rename(path, old))
			prog_die(old);
		fclose(file);
		reopen();
		put("in the new file");
	} else if (!strcmp(how, "copy")) {
		copy_to(old);
		if (truncate(path, 0))
			prog_die(path);
		put("behind the cut");
	}
	abort();
}
