// SPDX-License-Identifier: BSD-2-Clause
#include "user/lib/logs/crash_log.h"

#include <stdio.h>
#include <string.h>

static struct crash_log_entry *find(struct crash_log *log, uint64_t places)
{
	for (size_t i = 0; i < log->n; i++)
		if (log->entries[i].places == places)
			return &log->entries[i];
	return NULL;
}

/* Room for one more: where there is none, the one that has been away for longest goes. */
static struct crash_log_entry *new_entry(struct crash_log *log)
{
	struct crash_log_entry *oldest = &log->entries[0];

	if (log->n < CRASH_LOG_MAX)
		return &log->entries[log->n++];
	for (size_t i = 1; i < log->n; i++)
		if (log->entries[i].last_s < oldest->last_s)
			oldest = &log->entries[i];
	return oldest;
}

bool crash_log_add(struct crash_log *log, uint64_t places, int64_t now_s)
{
	struct crash_log_entry *e = find(log, places);
	bool known = e && e->reported && now_s - e->last_s < CRASH_LOG_AGAIN_S;

	log->crashes++;
	if (!e) {
		e = new_entry(log);
		*e = (struct crash_log_entry){.places = places, .first_s = now_s};
	}
	e->last_s = now_s;
	e->count++;
	e->counted += known;
	return !known;
}

bool crash_log_name(struct crash_log *log, uint64_t places, const char *names, const char *what,
		    int64_t now_s)
{
	struct crash_log_entry *e = find(log, places);

	if (!e)
		return true;
	snprintf(e->names, sizeof(e->names), "%s", names);
	snprintf(e->what, sizeof(e->what), "%s", what);
	for (size_t i = 0; i < log->n; i++) {
		struct crash_log_entry *other = &log->entries[i];

		if (other == e || !other->reported || strcmp(other->names, names) ||
		    now_s - other->last_s >= CRASH_LOG_AGAIN_S)
			continue;
		/* From now on it is known by these places too. */
		e->reported = true;
		e->counted++;
		return false;
	}
	return true;
}

void crash_log_reported(struct crash_log *log, uint64_t places)
{
	struct crash_log_entry *e = find(log, places);

	log->reports++;
	if (e)
		e->reported = true;
	for (size_t i = 0; i < log->n; i++)
		log->entries[i].counted = 0;
}

void crash_log_counted(struct crash_log *log, uint64_t places, const char *what)
{
	struct crash_log_entry *e = find(log, places);

	if (!e)
		return;
	e->counted++;
	if (!e->what[0])
		snprintf(e->what, sizeof(e->what), "%s", what);
}
