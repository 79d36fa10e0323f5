/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * From a cause to a report, or to the reason why there is none: a cool-down that doubles while the
 * cause lasts, and a budget of reports an hour for the client and for the host.
 *
 * Times are seconds of any one clock; a clock that is set back delays nothing by more than the
 * cool-down. Zeroed structs are ready.
 */
#ifndef BD_TRIGGER_H
#define BD_TRIGGER_H

#include <stdbool.h>
#include <stdint.h>

#define TRIGGER_COOLDOWN_MAX_S (4 * 3600)

enum trigger_answer {
	TRIGGER_NONE,	      /* there is no cause */
	TRIGGER_FIRE,	      /* a report begins */
	TRIGGER_COOLING,      /* the last one was too short a time ago */
	TRIGGER_CLIENT_SPENT, /* the client's budget is */
	TRIGGER_HOST_SPENT,
};

/* A token bucket: at most so many at once, and as many more in an hour. */
struct trigger_budget {
	double tokens;
	int64_t at_s;
	bool used; /* before that it is full */
};

struct trigger {
	int64_t fired_s, cause_s; /* the last report, and when its cause was last seen */
	uint32_t cooldown_s;	  /* 0: none has fired */
};

struct trigger_limits {
	uint32_t cooldown_s;
	int64_t client_per_hour, host_per_hour;
};

/* Asks at each step whether CAUSE, which is there or not, makes a report now. */
enum trigger_answer trigger_step(struct trigger *t, struct trigger_budget *client,
				 struct trigger_budget *host, const struct trigger_limits *limits,
				 int64_t now_s, bool cause);

/* Seconds until it may fire again; 0 when it may. */
int64_t trigger_cooling_s(const struct trigger *t, int64_t now_s);

/* "cooling down", ... for `status` and the log. */
const char *trigger_answer_text(enum trigger_answer answer);

#endif
