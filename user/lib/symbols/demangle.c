// SPDX-License-Identifier: BSD-2-Clause
#include "user/lib/symbols/demangle.h"

#include <setjmp.h>
#include <stdbool.h>
#include <string.h>
#include <libiberty/demangle.h>

struct output {
	char *buf;
	size_t len, size;
	jmp_buf full;
};

/*
 * libiberty can't be told to stop. Leaving it by longjmp can: it hands out its text without having
 * allocated anything, but for one identifier's code points where a Rust name has punycode in it.
 */
static void append(const char *text, size_t len, void *arg)
{
	struct output *out = arg;

	if (len >= out->size - out->len)
		longjmp(out->full, 1);
	/* An empty identifier comes as NULL. */
	if (len)
		memcpy(out->buf + out->len, text, len);
	out->len += len;
}

static bool mangled(const char *name)
{
	size_t under = strspn(name, "_");

	return under > 0 && under < 3 && (name[under] == 'Z' || name[under] == 'R');
}

/* Legacy Rust looks like C++, and nothing but its hash tells: Rust first. */
static int run(const char *name, struct output *out)
{
	if (setjmp(out->full) != 0)
		return 0;
	if (rust_demangle_callback(name, DMGL_NO_OPTS, append, out))
		return 1;
	out->len = 0;
	return cplus_demangle_v3_callback(name, DMGL_NO_OPTS, append, out);
}

/* Where the compilers' marks of copies and parts begin (".isra.0.cold"); the length where there are
 * none. */
static size_t without_clones(const char *name)
{
	static const char *const marks[] = {".cold",	  ".part.", ".isra.", ".constprop.",
					    ".lto_priv.", ".llvm.", ".clone."};
	enum { N_MARKS = sizeof(marks) / sizeof(marks[0]) };
	size_t end = strlen(name);

	/* Twice, for marks that follow each other in another order than the list's. */
	for (size_t k = 0; k < 2 * N_MARKS; k++) {
		size_t i = k % N_MARKS;
		const char *mark = strstr(name, marks[i]);
		size_t after = mark ? strspn(mark + strlen(marks[i]), "0123456789.") : 0;

		/* Up to the end, or up to the next mark. */
		if (mark && mark > name && mark < name + end &&
		    (mark[strlen(marks[i]) + after] == '\0' ||
		     mark + strlen(marks[i]) + after >= name + end - 1))
			end = (size_t)(mark - name);
	}
	return end;
}

int demangle(const char *name, char *buf, size_t size)
{
	struct output out = {.buf = buf, .size = size};
	size_t len = strnlen(name, DEMANGLE_INPUT_MAX + 1), plain;

	if (size == 0 || len > DEMANGLE_INPUT_MAX)
		return 0;
	if (out.size > DEMANGLE_OUTPUT_MAX + 1)
		out.size = DEMANGLE_OUTPUT_MAX + 1;
	if (!mangled(name) || !run(name, &out) || out.len == 0) {
		plain = without_clones(name);
		if (plain == len || plain >= out.size)
			return 0;
		memcpy(buf, name, plain);
		out.len = plain;
	}
	buf[out.len] = '\0';
	return (int)out.len;
}
