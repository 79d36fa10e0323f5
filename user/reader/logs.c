// SPDX-License-Identifier: BSD-2-Clause
#include "user/reader/logs.h"

#include <errno.h>
#include <fcntl.h>
#include <linux/capability.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <time.h>
#include <unistd.h>

#include "user/reader/journal.h"
#include "user/lib/base/array.h"
#include "user/lib/logs/log_proto.h"
#include "user/lib/logs/log_merge.h"
#include "user/reader/reader_process.h"
#include "user/common/small_file.h"

#define LINES_READ 4 /* of each file, so many times those that a report holds: see log_merge.h */
#define NICE -5 /* it has 5 s, also where others have all CPUs */

struct reading {
	const struct logs_request *request;
	struct log_merge *merge; /* NULL: only positions */
	struct reader_request *q;
	struct log_query query;
	struct log_answer answer;
	uint32_t pattern; /* number of it */
	int64_t deadline_ns;
	struct logs_position now[LOGS_POSITIONS_MAX];
	size_t n_now;
	int err;
};

/* --- who the client is */
static void groups_take(const char *text, struct reader_rights *r)
{
	char *end;

	r->n_groups = 0;
	for (unsigned long group = strtoul(text, &end, 10);
	     end != text && r->n_groups < READER_GROUPS_MAX; group = strtoul(text, &end, 10)) {
		r->groups[r->n_groups++] = (uint32_t)group;
		text = end;
	}
}

/* By the ids that the kernel asks for when it opens a file. */
static bool status_take(const char *status, struct reader_rights *r)
{
	const char *uid = strstr(status, "\nUid:"), *gid = strstr(status, "\nGid:");
	const char *groups = strstr(status, "\nGroups:"), *caps = strstr(status, "\nCapEff:");
	unsigned long long effective;

	if (!uid || !gid || !groups || !caps || sscanf(uid, "\nUid: %*u %*u %*u %u", &r->uid) != 1 ||
	    sscanf(gid, "\nGid: %*u %*u %*u %u", &r->gid) != 1 ||
	    sscanf(caps, "\nCapEff: %llx", &effective) != 1)
		return false;
	groups_take(groups + strlen("\nGroups:"), r);
	r->read_all = r->uid == 0 && (effective >> CAP_DAC_OVERRIDE & 1 ||
				      effective >> CAP_DAC_READ_SEARCH & 1);
	return true;
}

/*
 * Without asking the file system, which may be the client's and not answer. False: it has none any more, as one
 * that has died and whose parent hasn't heard of it.
 */
static bool root_look(uint32_t pid, bool *ret_own)
{
	const unsigned mask = STATX_INO;
	struct statx own, its;
	char path[64];

	snprintf(path, sizeof(path), "/proc/%u/root", pid);
	if (statx(AT_FDCWD, "/", AT_STATX_DONT_SYNC, mask, &own) ||
	    statx(AT_FDCWD, path, AT_STATX_DONT_SYNC, mask, &its))
		return false;
	*ret_own = own.stx_ino == its.stx_ino && own.stx_dev_major == its.stx_dev_major &&
		   own.stx_dev_minor == its.stx_dev_minor;
	return true;
}

bool logs_client_look(struct logs_client *c, uint32_t pid, const char *unit)
{
	struct reader_rights rights = {.pid = (int)pid};
	char path[64], status[8192];

	snprintf(path, sizeof(path), "/proc/%u/status", pid);
	if (small_file_read(path, status, sizeof(status)) <= 0 || !status_take(status, &rights) ||
	    !root_look(pid, &rights.own_root))
		return false;
	c->rights = rights;
	c->known = true;
	snprintf(c->unit, sizeof(c->unit), "%s", unit ? unit : "");
	return true;
}

/* --- the local zone: where its offset changed within the last year */
static int64_t offset_at(int64_t t_s)
{
	time_t t = (time_t)t_s;
	struct tm tm;

	return localtime_r(&t, &tm) ? tm.tm_gmtoff : 0;
}

static void zone_take(int64_t now_s, struct log_zone *z)
{
	const int64_t step_s = 7 * 86400;
	int64_t t = now_s - 53 * step_s;

	*z = (struct log_zone){.n = 1, .part = {{t, offset_at(t)}}};
	for (; t < now_s + step_s && z->n < LOG_ZONE_PARTS; t += step_s) {
		int64_t before = t, after = t + step_s;

		if (offset_at(before) == offset_at(after))
			continue;
		while (after - before > 1) {
			int64_t middle = before + (after - before) / 2;

			*(offset_at(middle) == offset_at(t) ? &before : &after) = middle;
		}
		z->part[z->n++] = (struct log_zone_part){after, offset_at(after)};
	}
}

/* --- positions */
static uint64_t hash_path(const char *path)
{
	uint64_t h = 0xcbf29ce484222325; /* FNV-1a */

	for (; *path; path++)
		h = (h ^ (unsigned char)*path) * 0x100000001b3;
	return h;
}

static const struct logs_position *position_before(const struct reading *g, uint64_t path_hash)
{
	const struct logs_client *c = g->request->client;

	for (size_t i = 0; i < c->n_positions; i++)
		if (c->positions[i].path_hash == path_hash && c->positions[i].pattern == g->pattern)
			return &c->positions[i];
	return NULL;
}

static void note_source(struct reading *g, const struct log_record *r, const char *path,
			char note[128])
{
	uint64_t hash = hash_path(path);
	const struct logs_position *before = position_before(g, hash);

	*note = '\0';
	if (r->flags & LOG_ROTATED) {
		snprintf(note, 128, "rotated: what was written before");
		return;
	}
	if (!r->inode || (r->state != LOG_READ && r->state != LOG_QUIET))
		return;
	if (before && (before->inode != r->inode || before->dev != r->dev))
		snprintf(note, 128, "a new file: the one before was rotated or replaced");
	else if (before && r->size < before->size)
		snprintf(note, 128, "truncated from %llu to %llu bytes",
			 (unsigned long long)before->size, (unsigned long long)r->size);
	if (g->n_now < LOGS_POSITIONS_MAX)
		g->now[g->n_now++] =
			(struct logs_position){hash, r->dev, r->inode, r->size, g->pattern};
}

/* --- one answer */
static int take(void *arg, const void *payload, size_t size, int fd)
{
	struct reading *g = arg;
	struct log_record r;
	char note[128];
	const char *text;
	size_t at = 0;
	int more;

	if (fd >= 0) {
		close(fd);
		return -EPROTO;
	}
	while ((more = log_record_next(payload, size, &at, &g->answer, &r, &text)) > 0) {
		if (r.kind == LOG_SOURCE)
			note_source(g, &r, text, note);
		if (g->merge && !g->err)
			g->err = r.kind == LOG_LINE ? log_merge_line(g->merge, r.t_ns, text)
						    : log_merge_source(g->merge, &r, text, note);
	}
	return more;
}

static const char *failure(enum reader_reason reason)
{
	return reason == READER_TIMED_OUT   ? "not read: it took too long"
	       : reason == READER_NO_SANDBOX ? "not read: the reader could not lock itself in"
	       : reason == READER_BAD_ANSWER ? "not read: the reader answered nonsense"
					     : "not read: the reader ended";
}

static void ask(struct reading *g, struct reader_process *p, uint32_t kind, const char *path,
		const char *shown)
{
	struct reader_request *q = g->q;
	enum reader_reason reason;

	*q = (struct reader_request){.kind = kind, .n = sizeof(g->query) / sizeof(uint64_t)};
	g->answer = (struct log_answer){.lines_max = g->query.want.lines_max};
	if (snprintf(q->where.path, sizeof(q->where.path), "%s", path) >= (int)sizeof(q->where.path))
		return;
	memcpy(q->addresses, &g->query, sizeof(g->query));
	reason = reader_process_call(p, q, -1, g->deadline_ns, take, g);
	if (reason != READER_NONE && !g->merge)
		g->err = -ETIMEDOUT;
	else if (reason != READER_NONE && !g->err)
		g->err = log_merge_failure(g->merge, shown, failure(reason));
}

/* Inodes of files that matched this pattern before. */
static void known_take(struct reading *g)
{
	const struct logs_client *c = g->request->client;

	g->query.n_known = 0;
	for (size_t i = 0; i < c->n_positions && g->query.n_known < LOG_KNOWN_MAX; i++)
		if (c->positions[i].pattern == g->pattern)
			g->query.known[g->query.n_known++] = c->positions[i].inode;
}

/* The group that the journal's files belong to; by the directory, which needs no list of groups. */
static void journal_rights(struct reader_rights *r)
{
	static const char *const places[] = {"/var/log/journal", "/run/log/journal"};
	struct stat st;

	r->journal = true;
	for (size_t i = 0; i < sizeof(places) / sizeof(places[0]); i++)
		if (!stat(places[i], &st) && st.st_gid && r->n_groups < READER_GROUPS_MAX)
			r->groups[r->n_groups++] = st.st_gid;
}

/* A child for the files, and one for the journal. */
static void ask_all(struct reading *g, bool journal)
{
	const struct logs_request *request = g->request;
	const struct config_list *log = &request->config->log;
	struct reader_rights rights = request->client->rights;
	char text[READER_RIGHTS_BYTES];
	struct reader_process p;

	if (reader_process_init(&p) < 0) {
		g->err = -ENOMEM;
		return;
	}
	if (request->gone)
		rights.pid = 0;
	rights.as_root = request->config->log_as_root;
	if (journal)
		journal_rights(&rights);
	reader_rights_print(&rights, text);
	p.rights = text;
	p.has_nice = true;
	p.nice = NICE;
	for (g->pattern = 0; g->pattern < log->n && !g->err; g->pattern++) {
		const char *pattern = log->text[g->pattern];

		if (journal != !strcmp(pattern, "journal"))
			continue;
		if (journal) {
			ask(g, &p, READER_JOURNAL, request->client->unit, pattern);
		} else {
			known_take(g);
			ask(g, &p, READER_LOGS, pattern, pattern);
		}
	}
	reader_process_release(&p);
}

static bool is_among(const struct logs_position *p, size_t n, const struct logs_position *one)
{
	for (size_t i = 0; i < n; i++)
		if (p[i].path_hash == one->path_hash && p[i].pattern == one->pattern)
			return true;
	return false;
}

/* Those that were known already stay as they were. */
static void positions_add(struct reading *g)
{
	const struct logs_client *c = g->request->client;

	for (size_t i = 0; i < g->n_now; i++) {
		const struct logs_position *before;

		g->pattern = g->now[i].pattern;
		before = position_before(g, g->now[i].path_hash);
		if (before)
			g->now[i] = *before;
	}
	/* Nor are those forgotten that are not there at this moment. */
	for (size_t i = 0; i < c->n_positions && g->n_now < LOGS_POSITIONS_MAX; i++)
		if (!is_among(g->now, g->n_now, &c->positions[i]))
			g->now[g->n_now++] = c->positions[i];
}

static bool has(const struct config_list *log, bool journal)
{
	for (size_t i = 0; i < log->n; i++)
		if (!strcmp(log->text[i], "journal") == journal)
			return true;
	return false;
}

static void reading_run(struct reading *g)
{
	const struct logs_request *request = g->request;
	struct logs_client *c = request->client;
	const struct config_list *log = &request->config->log;
	bool journal = has(log, true) && g->merge;

	g->deadline_ns = reader_now_ns() + request->patience_ns;
	g->query.want.since_ns = request->since_ns;
	g->query.want.clock.now_ns = request->now_ns;
	zone_take(request->now_ns / 1000000000, &g->query.want.clock.zone);
	if (has(log, false))
		ask_all(g, false);
	if (journal && journal_obstacle() && !g->err)
		g->err = log_merge_failure(g->merge, "journal", log_state_text(LOG_STATIC));
	else if (journal && !c->unit[0] && !g->err)
		g->err = log_merge_failure(g->merge, "journal", log_state_text(LOG_NO_UNIT));
	else if (journal && !g->err)
		ask_all(g, true);
	if (request->partial)
		positions_add(g);
	memcpy(c->positions, g->now, g->n_now * sizeof(*g->now));
	c->n_positions = g->n_now;
}

static int run(const struct logs_request *request, struct log_merge *merge)
{
	struct reading *g = calloc(1, sizeof(*g));
	int err = -ENOMEM;

	if (g)
		g->q = calloc(1, READER_PACKET_MAX);
	if (g && g->q) {
		g->request = request;
		g->merge = merge;
		g->query.want.lines_max = merge ? LINES_READ * (uint64_t)request->config->log_lines : 0;
		reading_run(g);
		err = g->err;
	}
	if (g)
		free(g->q);
	free(g);
	return err;
}

int logs_look(const struct logs_request *request)
{
	return request->client->known ? run(request, NULL) : 0;
}

int logs_read(const struct logs_request *request, struct report *r)
{
	struct log_merge merge = {
		.lines_max = (uint64_t)request->config->log_lines,
		.trigger_ns = request->trigger_ns,
	};
	int err;

	if (request->client->known)
		err = run(request, &merge);
	else
		err = log_merge_failure(&merge, request->config->log.text[0],
					"not read: the client ended before its user was known");
	if (!err)
		err = log_merge_report(&merge, r);
	log_merge_release(&merge);
	return err;
}
