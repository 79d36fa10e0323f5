/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * The daemon: once a second each client's numbers go to its detectors; a trigger begins a burst, at
 * the end of which a report is in the spool. One thread, which sleeps the rest of the time; the
 * rings are emptied by another (drain.h).
 *
 *   daemon.c          its life: start, the loop, signals, reload
 *   daemon_second.c   what happens each second
 *   daemon_report.c   from a trigger to a report
 *   daemon_logs.c     the clients' logs in it
 *   daemon_upload.c   the uploader, heartbeats (daemon_heartbeat.c), what was dropped
 *   daemon_crash.c    from a death to a report
 *   daemon_status.c   what it tells who asks
 */
#ifndef BD_DAEMON_H
#define BD_DAEMON_H

#include "user/clients/clients.h"
#include "user/daemon/control.h"
#include "user/daemon/daemon_heartbeat.h"
#include "user/daemon/flight_recorder.h"
#include "user/lib/detect/budget.h"
#include "user/lib/config/config.h"
#include "user/lib/status/status.h"
#include "user/upload/spool.h"
#include "user/daemon/state_dir.h"
#include "user/clients/thread_history.h"
#include "user/upload/uploader.h"
#include "user/daemon/watched.h"

#define DAEMON_JOINED_MAX 64
#define DAEMON_PAST 16		       /* causes that are remembered for `status` */
#define DAEMON_RING_BYTES (16u << 20) /* of samples, stacks and threads */

/* What became of a cause. */
struct daemon_past {
	int64_t t_ns; /* since the epoch; 0: none */
	const char *kind, *outcome;
	char client[WATCHED_NAME], report[2 * REPORT_ID_BYTES + 1], explanation[WATCHED_TEXT];
};

/* A report that is being recorded. */
struct daemon_burst {
	bool on, named; /* `named`: a partial one is on disk */
	struct watched *watched;
	struct watched_cause cause;
	struct watched_cause *joined[DAEMON_JOINED_MAX];
	size_t njoined;
	uint64_t end_ns; /* CLOCK_MONOTONIC */
	uint64_t measured_ns; /* when what the ring takes was last summed up */
	uint64_t cut_ns; /* what is missing of it, for want of memory */
	uint8_t id[REPORT_ID_BYTES];
	char name[SPOOL_NAME];
};

/* Sums at the last heartbeat. */
struct daemon_beat_before {
	uint64_t cpu_ns, bpf_ns, fired, lost;
};

struct daemon {
	const char *config_path;
	bool dry_run;
	struct config config;
	struct clients *clients;
	struct clients_second second;
	struct thread_history history;
	bool in_second; /* between clients_begin_second() and clients_end_second() */
	struct flight_recorder *flight;
	struct spool spool;
	struct state_dir state;
	struct control *control;
	struct watched *machine;
	struct watched **watched;
	size_t nwatched, cap_watched;
	uint64_t seconds; /* how many there have been */
	bool warned;	  /* of what can't work in the present configuration */
	struct trigger_budget host_budget;
	struct budget budget;
	struct daemon_burst burst;
	uint64_t start_ns;
	uint64_t reports, partials, failed; /* written; and those that could not be */
	uint64_t *wait_ns;		    /* a ring of own scheduling delay, by second */
	size_t keep_s;
	struct daemon_past past[DAEMON_PAST]; /* a ring */
	size_t npast;
	size_t logs_turn; /* whose logs are looked at next */
	uint64_t read_until_ns; /* CLOCK_MONOTONIC: the report that is being made waits no longer for files */
	char spool_error[SPOOL_ERROR];
	bool spool_late; /* it is over its limit, and the next second goes on */
	uint8_t host_id[REPORT_ID_BYTES];
	struct uploader uploader;
	struct beat_minute minute;
	struct daemon_beat_before beat_before;
	bool beat_failed; /* and it was said */
};

/* Runs until a signal ends it. Exit status; says what is wrong. */
int daemon_run(const char *config_path, bool dry_run);

/* --- between the files of the daemon */
/* A line on standard error, which a service manager puts into its journal. */
void daemon_say(const char *format, ...) __attribute__((format(printf, 1, 2)));
int daemon_second(struct daemon *d);
struct watched *daemon_watched(struct daemon *d, const char *name);
/* What is normal for it, as it was saved, or from nothing on. 0 or -ENOMEM. */
int daemon_learned(struct daemon *d, struct watched *w);
/* Puts all baselines on disk, or (`all` false) the one whose turn it is. */
void daemon_save(struct daemon *d, bool all);

/* A report begins, or joins the one that is being recorded. The cause is copied. */
void daemon_trigger(struct daemon *d, struct watched *w, const struct watched_cause *cause);
/* By hand. NULL: the machine. 0, or -ENOENT: no such client. */
int daemon_trigger_manual(struct daemon *d, const char *client, const char *who);
/* There is no memory for more of it: the burst ends now. */
void daemon_cut(struct daemon *d);
/* The end of a burst, early or not: the report is written. */
void daemon_finish(struct daemon *d);

/* The client of this name and section of the configuration, made where it isn't known; NULL:
 * -ENOMEM. */
struct watched *daemon_watched_make(struct daemon *d, const char *name, uint32_t section);

/* What the configuration says of a client; NULL for the machine, and where it names it no more. */
const struct config_client *daemon_section(const struct daemon *d, const struct watched *w);

/* The kernel's side is told the processes of clients, once a second, and what counts as a crash. */
void daemon_crash_watch(struct daemon *d);
void daemon_crash_configure(struct daemon *d);
/* Somebody has ended a process, or told it to. */
void daemon_killed(struct daemon *d, const struct bd_kill *event);
/* Deals with the deaths that are complete, up to the first report: others wait too. True: there may be
 * more. */
bool daemon_crashes(struct daemon *d);

/* What every report of the daemon has beside the profile, whatever it is for. The last thing that
 * puts texts into it: what is personal is taken out here. 0 or -errno. */
int daemon_fill(struct daemon *d, const struct watched *w, const struct watched_cause *cause,
		struct report *r);

/* How much the time since the epoch is more than CLOCK_MONOTONIC. */
int64_t daemon_wall_ahead_ns(void);

/*
 * A report begins to read what others' files hold: one deadline for all of it. Returns how much of it names
 * may take, in ns; the rest is for the logs.
 */
uint64_t daemon_reading_begin(struct daemon *d, bool partial);
int64_t daemon_reading_left_ns(const struct daemon *d);

/* Each second: who the clients with logs are, and now and then where these are. */
void daemon_logs_second(struct daemon *d);
/* The last lines of the client's logs. 0 or -ENOMEM. */
int daemon_logs(struct daemon *d, const struct watched *w, struct report *r);

/* The longest that the daemon waited for a CPU within one of the last 60 seconds. */
double daemon_delay_s(const struct daemon *d);

/* The uploader, as the configuration has it now; once a second; the end. */
void daemon_upload_start(struct daemon *d);
void daemon_upload_second(struct daemon *d);
void daemon_upload_stop(struct daemon *d);
/* What was dropped before a receiver had it, into a report and into the status. 0 or -ENOMEM. */
int daemon_upload_report(struct daemon *d, struct report *r);
int daemon_upload_status(const struct daemon *d, struct status *s);

/* A control_fn. */
void daemon_answer(void *arg, const char *line, struct out *answer);

#endif
