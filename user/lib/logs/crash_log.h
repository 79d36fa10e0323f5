/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * The crashes of one client: which are the same, so that a loop of them makes one whole report and
 * is counted from then on. A crash is known by its addresses before it has names, which cost; and
 * by its functions' names (see crash_text.h), which stay the same over a rebuild.
 *
 * Times are seconds of any one clock that isn't set. A zeroed struct is ready.
 */
#ifndef BD_CRASH_LOG_H
#define BD_CRASH_LOG_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#define CRASH_LOG_MAX 32	/* different crashes that are remembered: the last ones */
#define CRASH_LOG_AGAIN_S 86400 /* after so long without it, a crash is news again */
#define CRASH_LOG_TEXT 160

struct crash_log_entry {
	uint64_t places; /* its signature by addresses */
	char names[17];	 /* and by names; "" until it was named */
	char what[CRASH_LOG_TEXT];
	bool reported;	  /* there is a whole report of it */
	uint64_t count;	  /* in all */
	uint64_t counted; /* since a report has told of it */
	int64_t first_s, last_s;
};

struct crash_log {
	size_t n;
	struct crash_log_entry entries[CRASH_LOG_MAX];
	uint64_t crashes, reports;
	uint64_t stops, kills; /* by others: asked to end and did or not, and ended */
	char last_stop[CRASH_LOG_TEXT];
};

/*
 * A crash has come. True: nobody has reported it lately, so a report is due, whether one can be
 * made or not; crash_log_reported() when it was. False: it was counted.
 */
bool crash_log_add(struct crash_log *log, uint64_t places, int64_t now_s);
/*
 * The names of the crash that was just added. False: by these it has been reported, and was counted
 * there.
 */
bool crash_log_name(struct crash_log *log, uint64_t places, const char *names, const char *what,
		    int64_t now_s);
/* A report of it is on disk, which has told of all that was counted. */
void crash_log_reported(struct crash_log *log, uint64_t places);
/* It could not be reported: it counts as one that was counted. */
void crash_log_counted(struct crash_log *log, uint64_t places, const char *what);

#endif
