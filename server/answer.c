// SPDX-License-Identifier: BSD-2-Clause
#include "server/answer.h"

#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#define RETRY_S 5

void answer_release(struct answer *a)
{
	free(a->data);
	memset(a, 0, sizeof(*a));
}

static unsigned int patience(unsigned int status)
{
	static const struct {
		unsigned int status, retry_s;
	} waits[] = {{408, RETRY_S}, {429, 1}, {503, RETRY_S}, {507, 60}};

	for (size_t i = 0; i < sizeof(waits) / sizeof(waits[0]); i++)
		if (waits[i].status == status)
			return waits[i].retry_s;
	return 0;
}

void answer_error(struct answer *a, unsigned int status, const char *format, ...)
{
	bool close = a->close;
	char text[1024];
	struct out out;
	va_list args;

	va_start(args, format);
	vsnprintf(text, sizeof(text), format, args);
	va_end(args);
	answer_release(a);
	out_init(&out, -1);
	out_text(&out, "{\"error\":");
	out_json(&out, text);
	out_text(&out, "}\n");
	a->status = status;
	a->type = "application/json";
	a->retry_s = patience(status);
	a->close = close;
	if (!out.status) {
		a->data = out.data;
		a->n = out.n;
	} else {
		out_release(&out);
	}
}

void answer_out(struct answer *a, unsigned int status, const char *type, struct out *out)
{
	if (out->status) {
		out_release(out);
		answer_error(a, 500, "out of memory");
		return;
	}
	answer_data(a, status, type, out->data, out->n);
}

void answer_data(struct answer *a, unsigned int status, const char *type, void *data, size_t n)
{
	bool close = a->close;

	answer_release(a);
	*a = (struct answer){.status = status, .type = type, .data = data, .n = n, .close = close};
}
