// SPDX-License-Identifier: BSD-2-Clause
#include "server/params.h"

#include <errno.h>
#include <math.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>

#include "server/store.h"
#include "user/lib/base/utf8.h"
#include "user/lib/view/view.h"

static int hex(char c)
{
	return c >= '0' && c <= '9'   ? c - '0'
	       : c >= 'a' && c <= 'f' ? c - 'a' + 10
	       : c >= 'A' && c <= 'F' ? c - 'A' + 10
				      : -1;
}

/* In place. False for an escape that is none, and for what no name and no value holds. */
static bool decode(char *text)
{
	char *to = text, *begin = text;

	for (; *text; text++) {
		int high, low;

		if (*text == '+') {
			*to++ = ' ';
			continue;
		}
		if (*text != '%') {
			*to++ = *text;
			continue;
		}
		high = hex(text[1]);
		low = high < 0 ? -1 : hex(text[2]);
		if (low < 0 || !(high * 16 + low))
			return false;
		*to++ = high * 16 + low;
		text += 2;
	}
	*to = '\0';
	for (text = begin; text < to; text++)
		if ((unsigned char)*text < ' ' || *text == 0x7f)
			return false;
	return utf8_is_clean(begin, to - begin);
}

static int add(struct query_params *p, char *part, char error[PARAMS_ERROR_BYTES])
{
	char *value = strchr(part, '=');

	if (value)
		*value++ = '\0';
	if (!decode(part) || (value && !decode(value))) {
		snprintf(error, PARAMS_ERROR_BYTES,
			 "the query has a wrong escape, a control character or no UTF-8");
		return -EINVAL;
	}
	if (params_get(p, part)) {
		snprintf(error, PARAMS_ERROR_BYTES, "the query has %.60s twice", part);
		return -EINVAL;
	}
	if (p->n == PARAMS_MAX) {
		snprintf(error, PARAMS_ERROR_BYTES, "the query has over %d parts", PARAMS_MAX);
		return -EINVAL;
	}
	p->name[p->n] = part;
	p->value[p->n++] = value ? value : "";
	return 0;
}

int params_parse(const char *query, size_t limit, struct query_params *ret,
		 char error[PARAMS_ERROR_BYTES])
{
	struct query_params p = {0};
	char *rest, *part;
	int err = 0;

	*ret = p;
	if (!query || !*query)
		return 0;
	if (strlen(query) > limit) {
		snprintf(error, PARAMS_ERROR_BYTES, "the query has %zu bytes, the limit is %zu",
			 strlen(query), limit);
		return -E2BIG;
	}
	rest = p.text = strdup(query);
	if (!p.text) {
		snprintf(error, PARAMS_ERROR_BYTES, "out of memory");
		return -ENOMEM;
	}
	while (!err && (part = strsep(&rest, "&")))
		if (*part)
			err = add(&p, part, error);
	if (err)
		params_release(&p);
	else
		*ret = p;
	return err;
}

void params_release(struct query_params *p)
{
	free(p->text);
	memset(p, 0, sizeof(*p));
}

const char *params_get(const struct query_params *p, const char *name)
{
	for (size_t i = 0; i < p->n; i++)
		if (!strcmp(p->name[i], name))
			return p->value[i];
	return NULL;
}

int params_known(const struct query_params *p, const char *const *known,
		 char error[PARAMS_ERROR_BYTES])
{
	char list[128] = "";
	size_t k, n = 0;

	for (size_t i = 0; i < p->n; i++) {
		for (k = 0; known[k] && strcmp(known[k], p->name[i]); k++)
			;
		if (known[k])
			continue;
		for (k = 0; known[k] && n < sizeof(list); k++)
			n += snprintf(list + n, sizeof(list) - n, "%s%s", k ? ", " : "", known[k]);
		snprintf(error, PARAMS_ERROR_BYTES, "the query knows no %.60s; there are %s",
			 p->name[i], list);
		return -EINVAL;
	}
	return 0;
}

bool params_id(const char *text, size_t len, uint8_t ret[16])
{
	if (len != 32)
		return false;
	for (size_t i = 0; i < 16; i++) {
		int high = hex(text[2 * i]), low = hex(text[2 * i + 1]);

		if (high < 0 || low < 0)
			return false;
		ret[i] = high * 16 + low;
	}
	return true;
}

void params_cursor(int64_t created_ns, int64_t seq, char ret[PARAMS_CURSOR_BYTES])
{
	snprintf(ret, PARAMS_CURSOR_BYTES, "%lld.%lld", (long long)created_ns, (long long)seq);
}

static bool whole(const char *text, int64_t least, int64_t most, int64_t *ret)
{
	char *end;

	errno = 0;
	*ret = strtoll(text, &end, 10);
	return !errno && end != text && !*end && (*text == '-' || hex(*text) >= 0) &&
	       *ret >= least && *ret <= most;
}

/* 2026-11-25T17:30:00Z, or ns since the epoch. */
static bool moment(const char *text, int64_t *ret)
{
	struct tm tm = {0};
	const char *end = strptime(text, "%Y-%m-%dT%H:%M:%SZ", &tm);
	time_t s;

	if (whole(text, 0, INT64_MAX, ret))
		return true;
	s = end && !*end ? timegm(&tm) : -1;
	if (s < 0 || s > INT64_MAX / 1000000000)
		return false;
	*ret = s * 1000000000ll;
	return true;
}

static bool cursor(const char *text, struct store_query *q)
{
	char copy[PARAMS_CURSOR_BYTES], *dot;

	if (strlen(text) >= sizeof(copy))
		return false;
	strcpy(copy, text);
	dot = strchr(copy, '.');
	if (!dot)
		return false;
	*dot = '\0';
	q->has_cursor = true;
	return whole(copy, INT64_MIN, INT64_MAX, &q->cursor_ns) &&
	       whole(dot + 1, 1, INT64_MAX, &q->cursor_seq);
}

static int refuse(const char *name, const char *value, const char *allowed,
		  char error[PARAMS_ERROR_BYTES])
{
	snprintf(error, PARAMS_ERROR_BYTES, "%s=%.60s: allowed is %s", name, value, allowed);
	return -EINVAL;
}

/* What all lists take. */
static int list_query(const struct query_params *p, uint64_t most, struct store_query *ret,
		      char error[PARAMS_ERROR_BYTES])
{
	static const char times[] = "2026-11-25T17:30:00Z, or ns since the epoch";
	struct store_query q = {.limit = most < 100 ? most : 100};
	const char *host = params_get(p, "host"), *since = params_get(p, "since");
	const char *until = params_get(p, "until"), *limit = params_get(p, "limit");
	const char *next = params_get(p, "next");
	char allowed[64];
	int64_t n;

	q.has_host = host;
	if (host && !params_id(host, strlen(host), q.host))
		return refuse("host", host, "32 hex digits", error);
	if (since && !moment(since, &q.since_ns))
		return refuse("since", since, times, error);
	if (until && !moment(until, &q.until_ns))
		return refuse("until", until, times, error);
	if (next && !cursor(next, &q))
		return refuse("next", next, "what the page before said", error);
	snprintf(allowed, sizeof(allowed), "1 to %llu", (unsigned long long)most);
	if (limit && !whole(limit, 1, (int64_t)most, &n))
		return refuse("limit", limit, allowed, error);
	if (limit)
		q.limit = n;
	*ret = q;
	return 0;
}

int params_query(const struct query_params *p, uint64_t most, struct store_query *ret,
		 char error[PARAMS_ERROR_BYTES])
{
	static const char *const known[] = {"client", "kind",	  "version", "label",
					    "host",   "function", "since",   "until",
					    "limit",  "next",	  NULL};

	if (params_known(p, known, error) || list_query(p, most, ret, error))
		return -EINVAL;
	ret->client = params_get(p, "client");
	ret->kind = params_get(p, "kind");
	ret->version = params_get(p, "version");
	ret->label = params_get(p, "label");
	ret->function = params_get(p, "function");
	return 0;
}

int params_hosts(const struct query_params *p, uint64_t most, struct store_query *ret,
		 char error[PARAMS_ERROR_BYTES])
{
	static const char *const known[] = {"host", "since", "until", "limit", "next", NULL};

	return params_known(p, known, error) || list_query(p, most, ret, error) ? -EINVAL : 0;
}

static bool seconds(const char *text, double *ret)
{
	char *end;

	*ret = strtod(text, &end);
	return end != text && !*end && isfinite(*ret) && *ret >= 0 && hex(*text) >= 0;
}

/* A name alone is 1. */
static int flag(const struct query_params *p, const char *name, bool *ret,
		char error[PARAMS_ERROR_BYTES])
{
	const char *text = params_get(p, name);

	if (text && strcmp(text, "1") && strcmp(text, "0") && *text)
		return refuse(name, text, "1 or 0", error);
	*ret = text && strcmp(text, "0");
	return 0;
}

int params_view(const struct query_params *p, struct view_options *ret,
		char error[PARAMS_ERROR_BYTES])
{
	static const char *const known[] = {"format", "from",	 "to",	   "thread", "pid",
					    "by",     "reverse", "client", NULL};
	const char *from = params_get(p, "from"), *to = params_get(p, "to");
	const char *pid = params_get(p, "pid"), *by = params_get(p, "by");
	struct view_options o = {.thread_re = params_get(p, "thread")};

	if (params_known(p, known, error))
		return -EINVAL;
	if (from && !seconds(from, &o.from_s))
		return refuse("from", from, "seconds from the window's start", error);
	if (to && (!seconds(to, &o.to_s) || o.to_s <= 0))
		return refuse("to", to, "seconds from the window's start, over 0", error);
	if (pid && !whole(pid, 1, UINT32_MAX, &o.pid))
		return refuse("pid", pid, "a process", error);
	if (by && view_by_parse(by, &o.by))
		return refuse("by", by, "cpu, samples, off-cpu or wait", error);
	if (flag(p, "reverse", &o.reverse, error) || flag(p, "client", &o.client, error))
		return -EINVAL;
	*ret = o;
	return 0;
}
