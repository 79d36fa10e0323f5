// SPDX-License-Identifier: BSD-2-Clause
/*
 * In a reader child with the right to read systemd's journal: the last lines of a unit. libsystemd
 * is on every machine that has a journal, and is used only where it is (sd-journal(3)).
 */
#include <dlfcn.h>
#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "user/reader/journal.h"
#include "user/lib/logs/log_proto.h"
#include "user/reader/reader_child.h"

#define JOURNAL_LOCAL_ONLY 1 /* SD_JOURNAL_LOCAL_ONLY */
#define ENTRIES_MAX 100000   /* counted, of those that are in time but beyond the lines asked for */
#define FIELD_BYTES_MAX (1u << 20)

struct sd_journal;

static struct {
	int (*open)(struct sd_journal **ret, int flags);
	void (*close)(struct sd_journal *j);
	int (*add_match)(struct sd_journal *j, const void *data, size_t size);
	int (*add_disjunction)(struct sd_journal *j);
	int (*seek_tail)(struct sd_journal *j);
	int (*previous)(struct sd_journal *j);
	int (*previous_skip)(struct sd_journal *j, uint64_t n);
	int (*next)(struct sd_journal *j);
	int (*get_realtime_usec)(struct sd_journal *j, uint64_t *ret);
	int (*get_data)(struct sd_journal *j, const char *field, const void **data, size_t *size);
	int (*set_data_threshold)(struct sd_journal *j, size_t size);
	int (*has_runtime_files)(struct sd_journal *j);
	int (*has_persistent_files)(struct sd_journal *j);
} sd;

static const struct {
	const char *name;
	void **place;
} functions[] = {
	{"sd_journal_open", (void **)&sd.open},
	{"sd_journal_close", (void **)&sd.close},
	{"sd_journal_add_match", (void **)&sd.add_match},
	{"sd_journal_add_disjunction", (void **)&sd.add_disjunction},
	{"sd_journal_seek_tail", (void **)&sd.seek_tail},
	{"sd_journal_previous", (void **)&sd.previous},
	{"sd_journal_previous_skip", (void **)&sd.previous_skip},
	{"sd_journal_next", (void **)&sd.next},
	{"sd_journal_get_realtime_usec", (void **)&sd.get_realtime_usec},
	{"sd_journal_get_data", (void **)&sd.get_data},
	{"sd_journal_set_data_threshold", (void **)&sd.set_data_threshold},
	{"sd_journal_has_runtime_files", (void **)&sd.has_runtime_files},
	{"sd_journal_has_persistent_files", (void **)&sd.has_persistent_files},
};
#define N_FUNCTIONS (sizeof(functions) / sizeof(functions[0]))

static bool loaded;

void reader_journal_load(void)
{
	/* Since version 256 it loads these by itself, at a time when no code can be mapped any more. */
	static const char *const unpackers[] = {"libzstd.so.1", "liblz4.so.1", "liblzma.so.5"};
	void *library = dlopen(JOURNAL_LIBRARY, RTLD_NOW | RTLD_LOCAL);

	for (size_t i = 0; i < sizeof(unpackers) / sizeof(unpackers[0]) && library; i++)
		dlopen(unpackers[i], RTLD_NOW | RTLD_LOCAL);
	loaded = library != NULL;
	for (size_t i = 0; i < N_FUNCTIONS && loaded; i++) {
		*functions[i].place = dlsym(library, functions[i].name);
		loaded = *functions[i].place != NULL;
	}
}

static int match(struct sd_journal *j, const char *field, const char *value)
{
	char text[READER_PATH_MAX + 32];
	int n = snprintf(text, sizeof(text), "%s=%s", field, value);

	return sd.add_match(j, text, (size_t)n);
}

/* What the unit wrote, and what the service manager wrote of it, as `journalctl -u` has it. */
static int match_unit(struct sd_journal *j, const char *unit)
{
	int err = match(j, "_SYSTEMD_UNIT", unit);

	if (err >= 0)
		err = sd.add_disjunction(j);
	if (err >= 0)
		err = match(j, "_PID", "1");
	if (err >= 0)
		err = match(j, "UNIT", unit);
	return err;
}

/* The text of a field of the entry, which is not ended by a zero; "" where it has none. */
static size_t field(struct sd_journal *j, const char *name, const char **ret)
{
	size_t size = 0, before = strlen(name) + 1;
	const void *data;

	*ret = "";
	if (sd.get_data(j, name, &data, &size) < 0 || size < before)
		return 0;
	*ret = (const char *)data + before;
	return size - before;
}

/* How many entries are wanted; the first of them is then the one at hand. */
static uint64_t go_back(struct sd_journal *j, const struct log_want *want, struct log_counts *counts)
{
	uint64_t us, n = 0, wanted;

	if (sd.seek_tail(j) < 0)
		return 0;
	while (n < ENTRIES_MAX && sd.previous(j) > 0 && sd.get_realtime_usec(j, &us) >= 0 &&
	       (int64_t)us >= want->since_ns / 1000)
		n++;
	wanted = n < want->lines_max ? n : want->lines_max;
	counts->lines_left_out = n - wanted;
	if (!wanted || sd.seek_tail(j) < 0 || sd.previous_skip(j, wanted) <= 0)
		return 0;
	return wanted;
}

/* An entry as a line: NAME[PID]: MESSAGE, its further lines behind it. */
static int put_entry(struct reader_job *job, struct sd_journal *j, int64_t t_ns, char *line,
		     uint64_t *room, struct log_counts *counts)
{
	const char *name, *pid, *message, *newline;
	char text[LOG_TEXT_BYTES];
	size_t name_len = field(j, "SYSLOG_IDENTIFIER", &name);
	int n, err = 0;

	/* What get_data() gave is gone with the next call. */
	if (!name_len)
		name_len = field(j, "_COMM", &name);
	n = snprintf(line, 80, "%.*s", (int)(name_len < 64 ? name_len : 64), name);
	size_t pid_len = field(j, "_PID", &pid);

	n += snprintf(line + n, 80 - n, pid_len ? "[%.*s]: " : "%.*s: ",
		      (int)(pid_len < 10 ? pid_len : 10), pid);
	size_t left = field(j, "MESSAGE", &message);

	while (!err && *room) {
		newline = memchr(message, '\n', left);
		size_t len = newline ? (size_t)(newline - message) : left;
		size_t kept = len < FIELD_BYTES_MAX ? len : FIELD_BYTES_MAX;

		memcpy(line + n, message, kept);
		size_t clean = log_line_clean(line, n + kept, 0, text, counts);

		counts->lines++;
		counts->timed++;
		--*room;
		err = reader_log_put_line(job, t_ns, text, clean);
		if (!newline)
			return err;
		message = newline + 1;
		left -= len + 1;
		n = 0;
	}
	for (; left; counts->lines_left_out++) {
		newline = memchr(message, '\n', left);
		left -= newline ? (size_t)(newline + 1 - message) : left;
		message = newline ? newline + 1 : message;
	}
	return err;
}

static int read_unit(struct reader_job *job, struct sd_journal *j, const struct log_want *want,
		     struct log_counts *counts)
{
	char *line = malloc(FIELD_BYTES_MAX + 128);
	int err = line ? match_unit(j, job->request->where.path) : -ENOMEM;
	uint64_t n = err < 0 ? 0 : go_back(j, want, counts), room = want->lines_max, us;

	sd.set_data_threshold(j, FIELD_BYTES_MAX);
	for (uint64_t i = 0; err >= 0 && i < n && (i == 0 || sd.next(j) > 0); i++)
		if (sd.get_realtime_usec(j, &us) >= 0)
			err = put_entry(job, j, (int64_t)us * 1000, line, &room, counts);
	free(line);
	return err;
}

enum reader_reason reader_serve_journal(struct reader_job *job)
{
	struct log_record r = {.state = LOG_NO_JOURNAL};
	struct sd_journal *j = NULL;
	struct log_query query;

	if (job->request->n * sizeof(uint64_t) != sizeof(query) || !job->rights->journal)
		return READER_DENIED;
	memcpy(&query, job->request->addresses, sizeof(query));
	if (!loaded)
		r.state = journal_obstacle() ? LOG_STATIC : LOG_NO_LIBRARY;
	else if (sd.open(&j, JOURNAL_LOCAL_ONLY) >= 0) {
		if (sd.has_runtime_files(j) > 0 || sd.has_persistent_files(j) > 0)
			r.state = read_unit(job, j, &query.want, &r.counts) < 0 ? LOG_FAILED : LOG_READ;
		sd.close(j);
	}
	/* Lines that came before an error have no source. */
	if (r.state == LOG_READ && !r.counts.lines)
		r.state = LOG_QUIET;
	if (r.state == LOG_FAILED)
		return READER_READ;
	reader_log_put_source(job, &r, "journal");
	return READER_NONE;
}
