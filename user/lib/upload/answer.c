// SPDX-License-Identifier: BSD-2-Clause
#include "user/lib/upload/answer.h"

#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "user/lib/base/json_read.h"
#include "user/lib/base/utf8.h"

void answer_scrub(const char *text, size_t size, char ret[ANSWER_TEXT_BYTES])
{
	size_t n = 0, part = size < ANSWER_TEXT_BYTES ? size : ANSWER_TEXT_BYTES;
	char clean[ANSWER_TEXT_BYTES * UTF8_GROWTH + 1];
	bool blank = true;

	utf8_clean(text, part, clean);
	for (const unsigned char *c = (const void *)clean; *c && n < ANSWER_TEXT_BYTES - 1; c++) {
		/* C1 controls are C2 80 to C2 9F in UTF-8. */
		bool c1 = c[0] == 0xc2 && c[1] < 0xa0;
		bool space = *c <= ' ' || *c == 0x7f || c1;

		c += c1;
		if (!space)
			ret[n++] = *c;
		else if (!blank)
			ret[n++] = ' ';
		blank = space;
	}
	/* A character that does not fit is left out whole. */
	if (n == ANSWER_TEXT_BYTES - 1) {
		size_t at = n;

		while (at && ((unsigned char)ret[at - 1] & 0xc0) == 0x80)
			at--;
		if (at && (unsigned char)ret[at - 1] >= 0xc0)
			n = at - 1;
	}
	while (n && ret[n - 1] == ' ')
		n--;
	ret[n] = '\0';
}

__attribute__((format(printf, 2, 3))) static void say(struct answer *a, const char *format, ...)
{
	char text[ANSWER_TEXT_BYTES];
	va_list args;

	va_start(args, format);
	vsnprintf(text, sizeof(text), format, args);
	va_end(args);
	answer_scrub(text, strlen(text), a->text);
}

static enum answer_verdict verdict_of(int http_status)
{
	static const struct {
		int status;
		enum answer_verdict verdict;
	} rows[] = {
		{400, ANSWER_REJECTED}, {413, ANSWER_REJECTED}, {422, ANSWER_REJECTED},
		{401, ANSWER_TOKEN},	{403, ANSWER_TOKEN},
	};

	for (size_t i = 0; i < sizeof(rows) / sizeof(rows[0]); i++)
		if (rows[i].status == http_status)
			return rows[i].verdict;
	return ANSWER_WAIT;
}

/* What holds for every path but a 200: the verdict of the status, and the receiver's sentence. */
static void judge_error(int http_status, const struct json *doc, struct answer *ret)
{
	const char *error = doc ? json_text(json_member(doc, doc->values, "error"), "") : "";

	ret->verdict = verdict_of(http_status);
	if (error[0])
		say(ret, "HTTP %d: %s", http_status, error);
	else if (http_status >= 300 && http_status < 400)
		say(ret, "HTTP %d: it redirects, which is not followed; set url to where it points",
		    http_status);
	else
		say(ret, "HTTP %d without the receiver's reason", http_status);
}

static bool same_id(const char *text, const uint8_t id[REPORT_ID_BYTES])
{
	char hex[2 * REPORT_ID_BYTES + 1];

	for (int i = 0; i < REPORT_ID_BYTES; i++)
		snprintf(hex + 2 * i, 3, "%02x", id[i]);
	return !strcmp(text, hex);
}

static void judge_stored(const struct json *doc, const uint8_t id[REPORT_ID_BYTES],
			 struct answer *ret)
{
	const struct json_value *reports = json_member(doc, doc->values, "reports");

	ret->verdict = ANSWER_WAIT;
	say(ret, "HTTP 200, but the answer does not name the report: is this a receiver?");
	if (!reports || reports->type != JSON_ARRAY)
		return;
	for (const struct json_value *v = json_first(doc, reports); v; v = json_next(doc, v)) {
		const struct json_value *stored = json_member(doc, v, "stored");

		if (!same_id(json_text(json_member(doc, v, "id"), ""), id) || !stored ||
		    (stored->type != JSON_TRUE && stored->type != JSON_FALSE))
			continue;
		ret->verdict = ANSWER_DELIVERED;
		ret->stored = stored->type == JSON_TRUE;
		ret->text[0] = '\0';
		return;
	}
}

static void judge_accepted(const struct json *doc, struct answer *ret)
{
	const struct json_value *accepted = json_member(doc, doc->values, "accepted");
	const struct json_value *wanted = json_member(doc, doc->values, "facts_wanted");

	if (!accepted || accepted->type != JSON_NUMBER) {
		ret->verdict = ANSWER_WAIT;
		say(ret, "HTTP 200, but the answer accepts no heartbeats: is this a receiver?");
		return;
	}
	ret->verdict = ANSWER_DELIVERED;
	ret->facts_wanted = wanted && wanted->type == JSON_TRUE;
}

static bool read_body(const void *body, size_t size, struct json *ret)
{
	size_t at;

	return size && size <= ANSWER_BODY_MAX && !json_read(body, size, ret, &at);
}

void answer_report(int http_status, const void *body, size_t size,
		   const uint8_t id[REPORT_ID_BYTES], struct answer *ret)
{
	struct json doc;
	bool read = read_body(body, size, &doc);

	*ret = (struct answer){.verdict = ANSWER_WAIT};
	if (http_status != 200)
		judge_error(http_status, read ? &doc : NULL, ret);
	else if (read)
		judge_stored(&doc, id, ret);
	else
		say(ret, "HTTP 200, but the answer is not a receiver's");
	if (read)
		json_release(&doc);
}

void answer_heartbeats(int http_status, const void *body, size_t size, struct answer *ret)
{
	struct json doc;
	bool read = read_body(body, size, &doc);

	*ret = (struct answer){.verdict = ANSWER_WAIT};
	if (http_status != 200)
		judge_error(http_status, read ? &doc : NULL, ret);
	else if (read)
		judge_accepted(&doc, ret);
	else
		say(ret, "HTTP 200, but the answer is not a receiver's");
	if (read)
		json_release(&doc);
}
