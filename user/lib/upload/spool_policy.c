// SPDX-License-Identifier: BSD-2-Clause
#include "user/lib/upload/spool_policy.h"

#include <ctype.h>
#include <stdio.h>
#include <string.h>
#include <time.h>

#define STAMP_CHARS 16
#define UNKNOWN_KIND "other"

const struct spool_limits spool_limits_default = {
	.bytes = 512u << 20,
	.share_permille = 100,
	.free_permille = 50,
	.heartbeats_bytes = 5u << 20,
	.heartbeats_age_s = 86400,
	.rejected = 100,
	.damaged = 100,
};

/* Dropped from the first to the last: what comes again by itself goes before what happened once. */
static const char *const kinds[] = {
	"deviation",  "pressure", "throttled", "starvation", "threshold",
	UNKNOWN_KIND, "manual",	  "oom",       "crash",
};
#define KINDS (int)(sizeof(kinds) / sizeof(kinds[0]))

static int rank_of(const char *kind, size_t n)
{
	int other = 0;

	for (int i = 0; i < KINDS; i++) {
		if (strlen(kinds[i]) == n && !memcmp(kinds[i], kind, n))
			return i;
		if (!strcmp(kinds[i], UNKNOWN_KIND))
			other = i;
	}
	return other;
}

void spool_name(const struct report *r, const char *client, char ret[SPOOL_NAME])
{
	char safe[SPOOL_CLIENT_BYTES], stamp[32] = "", id[2 * REPORT_ID_BYTES + 1];
	time_t t = r->window.trigger_ns / 1000000000;
	const char *kind = r->trigger.kind ? r->trigger.kind : UNKNOWN_KIND;
	struct tm tm = {0};
	size_t n = 0;

	for (; client[n] && n < sizeof(safe) - 1; n++)
		safe[n] = isalnum((unsigned char)client[n]) || strchr("_-", client[n]) ? client[n]
										       : '_';
	safe[n] = '\0';
	gmtime_r(&t, &tm);
	strftime(stamp, sizeof(stamp), "%Y%m%dT%H%M%SZ", &tm);
	for (int i = 0; i < REPORT_ID_BYTES; i++)
		snprintf(id + 2 * i, 3, "%02x", r->id[i]);
	snprintf(ret, SPOOL_NAME, "%s-%s-%s-%s", stamp, kinds[rank_of(kind, strlen(kind))], safe,
		 id);
}

/* The part behind the stamp; NULL where the name has another form. */
static const char *behind_stamp(const char *name)
{
	return strlen(name) > STAMP_CHARS && name[STAMP_CHARS] == '-' ? name + STAMP_CHARS + 1
								      : NULL;
}

/* Whether the name has a kind: those of old versions end in 8 digits of the id. */
static bool has_kind(const char *name)
{
	const char *end = strstr(name, ".bdr");
	const char *dash = NULL;

	for (const char *c = name; *c && (!end || c < end); c++)
		dash = *c == '-' ? c : dash;
	return dash && (end ? end : name + strlen(name)) - dash - 1 == 2 * REPORT_ID_BYTES;
}

int spool_rank(const char *name)
{
	const char *kind = has_kind(name) ? behind_stamp(name) : NULL;

	return kind ? rank_of(kind, strcspn(kind, "-")) : rank_of("", 0);
}

const char *spool_rank_name(int rank)
{
	return rank >= 0 && rank < KINDS ? kinds[rank] : UNKNOWN_KIND;
}

void spool_client(const char *name, char ret[SPOOL_CLIENT_BYTES])
{
	const char *client = behind_stamp(name), *end = NULL;

	ret[0] = '\0';
	if (client && has_kind(name)) {
		client += strcspn(client, "-");
		client += *client == '-';
	}
	for (const char *c = client; c && *c; c++)
		end = *c == '-' ? c : end;
	if (end && end - client < SPOOL_CLIENT_BYTES)
		snprintf(ret, SPOOL_CLIENT_BYTES, "%.*s", (int)(end - client), client);
}

int spool_drop_order(const char *a, const char *b)
{
	int order = spool_rank(a) - spool_rank(b);

	return order ? order : strcmp(a, b);
}

uint64_t spool_limit_bytes(const struct spool_limits *limits, const struct spool_disk *disk)
{
	uint64_t share = disk->size / 1000 * limits->share_permille;

	return share < limits->bytes ? share : limits->bytes;
}

uint64_t spool_excess_bytes(const struct spool_limits *limits, const struct spool_disk *disk,
			    uint64_t used, uint64_t more)
{
	uint64_t limit = spool_limit_bytes(limits, disk);
	uint64_t stays_free = disk->size / 1000 * limits->free_permille;
	uint64_t over = used + more > limit ? used + more - limit : 0;
	uint64_t lacking = stays_free + more > disk->free ? stays_free + more - disk->free : 0;

	if (lacking > over)
		over = lacking;
	return over < used ? over : used;
}
