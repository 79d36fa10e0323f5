// SPDX-License-Identifier: BSD-2-Clause
/*
 * Any bytes as a text, in any treatment: what comes out is bounded, what is to be kept is kept, and
 * no bytes before or behind an address save it.
 */
#include <stdint.h>
#include <stdlib.h>
#include <string.h>

#include "user/lib/scrub/scrub.h"

#define CANARY "\ncarla.q@example.org\n"
#define CANARY_BYTES (sizeof(CANARY) - 1)

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

static void must(int holds)
{
	if (!holds)
		abort();
}

static struct scrub *make(void)
{
	static const struct scrub_word words[] = {
		{SCRUB_hostname, "falcon7"},
		{SCRUB_user, "annaberg"},
		{SCRUB_home, "/srv/a/annaberg"},
	};
	static const char *const patterns[] = {"order ORD-(\\d+)", "evil (a+)+$"};
	struct scrub_options o = {0, words, 3, patterns, 2};
	char error[SCRUB_ERROR_BYTES];
	struct scrub *s;

	must(!scrub_new(&o, &s, error));
	return s;
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	static struct scrub *s;
	enum scrub_treatment what;
	size_t n, at, len;
	const char *ret;
	char *text;

	if (size < 2)
		return 0;
	if (!s)
		s = make();
	/* The first two bytes choose the treatment and where in the rest the address stands. */
	what = data[0] % SCRUB_TREATMENTS;
	len = size - 2;
	at = len * data[1] / 255;
	text = malloc(len + CANARY_BYTES);
	must(text != NULL);
	memcpy(text, data + 2, at);
	memcpy(text + at, CANARY, CANARY_BYTES);
	memcpy(text + at + CANARY_BYTES, data + 2 + at, len - at);
	len += CANARY_BYTES;
	must(!scrub_text(s, what, data[0] & 0x80, text, len, &ret, &n));
	must(ret == text ? n == len : n <= 65536);
	if (what == SCRUB_KEEP)
		must(ret == text);
	else
		must(!memmem(ret, n, CANARY, CANARY_BYTES));
	free(text);
	return 0;
}
