// SPDX-License-Identifier: BSD-2-Clause
/* Which clients have logs, who these are, and the logs in a report. */
#include <errno.h>
#include <stdlib.h>

#include "user/common/clock.h"
#include "user/daemon/daemon.h"
#include "user/reader/logs.h"

#define SECOND_NS 1000000000LL
#define LOOK_NS (SECOND_NS / 4) /* while it watches */
#define WHO_EVERY_S 10
#define LOOK_EVERY_S 10	  /* at one client */
#define SLOW_FOR_S 3600	  /* one that took too long isn't looked at again so soon */

/* NULL: it has no logs. */
static const struct config_client *config_of(const struct daemon *d, const struct watched *w)
{
	const struct config_client *c = daemon_section(d, w);

	return c && c->log.n ? c : NULL;
}

/* False: it has no process that lives now. */
static bool find_who(struct daemon *d, const struct watched *w)
{
	uint32_t pid = w->seen == d->seconds ? clients_main_pid(d->clients, w->place) : 0;

	return pid && logs_client_look(w->logs, pid, clients_unit(d->clients, pid));
}

static void look(struct daemon *d, const struct watched *w, const struct config_client *config)
{
	const struct logs_request request = {
		.config = config,
		.client = w->logs,
		.now_ns = (int64_t)clock_ns(CLOCK_REALTIME),
		.patience_ns = LOOK_NS,
	};

	w->logs->look_s = d->seconds;
	if (logs_look(&request))
		w->logs->look_s += SLOW_FOR_S;
}

void daemon_logs_second(struct daemon *d)
{
	bool looked = d->seconds % LOOK_EVERY_S != 0 || d->burst.on;

	for (size_t i = 0; i < d->nwatched; i++) {
		struct watched *w = d->watched[i];
		const struct config_client *config = config_of(d, w);

		if (!config)
			continue;
		if (!w->logs)
			w->logs = calloc(1, sizeof(*w->logs));
		if (w->logs && (!w->logs->known || (d->seconds + i) % WHO_EVERY_S == 0))
			find_who(d, w);
	}
	/* In turn: what one client costs doesn't grow with their number. */
	for (size_t n = d->nwatched; n && !looked; n--) {
		const struct watched *w = d->watched[d->logs_turn++ % d->nwatched];
		const struct config_client *config = config_of(d, w);

		if (!config || !w->logs || !w->logs->known || w->logs->look_s > d->seconds)
			continue;
		look(d, w, config);
		looked = true;
	}
}

int daemon_logs(struct daemon *d, const struct watched *w, struct report *r)
{
	const struct config_client *config = config_of(d, w);
	struct logs_client nobody = { 0 }; /* it died before it was looked at */
	struct logs_request request = {
		.config = config,
		.client = w->logs ? w->logs : &nobody,
		.now_ns = (int64_t)clock_ns(CLOCK_REALTIME),
		.trigger_ns = r->window.trigger_ns,
		.partial = d->burst.on && !d->burst.named,
	};

	if (!config)
		return 0;
	request.patience_ns = daemon_reading_left_ns(d);
	request.gone = !w->logs || !find_who(d, w);
	request.since_ns = r->window.trigger_ns - config->log_seconds * SECOND_NS;
	return logs_read(&request, r);
}
