// SPDX-License-Identifier: BSD-2-Clause
/* Any bytes as a receiver's answer: a report is given up on nothing less than its own id. */
#include <stdint.h>
#include <stdlib.h>
#include <string.h>

#include "user/lib/upload/answer.h"
#include "user/lib/upload/backoff.h"
#include "user/lib/upload/spool_policy.h"
#include "user/lib/base/utf8.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

#define HEX "0102030405060708090a0b0c0d0e0f10"

static void must(int holds)
{
	if (!holds)
		abort();
}

static void check_text(const struct answer *a)
{
	must(strlen(a->text) < ANSWER_TEXT_BYTES && utf8_is_clean(a->text, strlen(a->text)));
	for (const char *c = a->text; *c; c++)
		must((unsigned char)*c >= ' ' && *c != 0x7f);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	static const int statuses[] = {200, 200, 200, 400, 401, 422, 503, 302};
	static const uint8_t id[REPORT_ID_BYTES] = {1, 2,  3,  4,  5,  6,  7,  8,
						    9, 10, 11, 12, 13, 14, 15, 16};
	int status = size ? statuses[data[0] % 8] : 200;
	char *text = malloc(size + 1), client[SPOOL_CLIENT_BYTES];
	struct answer a;

	must(text != NULL);
	answer_report(status, data, size, id, &a);
	check_text(&a);
	must(a.verdict != ANSWER_DELIVERED || (status == 200 && (memmem(data, size, HEX, 32) || memchr(data, '\\', size))));
	answer_heartbeats(status, data, size, &a);
	check_text(&a);
	must(a.verdict != ANSWER_DELIVERED || status == 200);
	memcpy(text, data, size);
	text[size] = '\0';
	int64_t wait = retry_after_parse(text, 1700000000);

	must(wait >= -1 && wait <= RETRY_AFTER_MOST_S);
	spool_client(text, client);
	must(spool_rank_name(spool_rank(text))[0]);
	free(text);
	return 0;
}
