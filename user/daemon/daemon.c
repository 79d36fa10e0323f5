// SPDX-License-Identifier: BSD-2-Clause
#include "user/daemon/daemon.h"

#include <errno.h>
#include <signal.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/epoll.h>
#include <sys/signalfd.h>
#include <unistd.h>

#include "user/common/clock.h"
#include "user/common/config_file.h"
#include "user/common/host_id.h"
#include "user/lib/detect/reach.h"
#include "user/daemon/survive.h"
#include "user/common/verb.h"

#define SECOND_NS 1000000000ULL
#define MEASURE_NS (SECOND_NS / 10)
#define SERIES_SPARE_S 120     /* what a report reaches back beyond `before`, and how late it is */

enum source { SOURCE_RINGS, SOURCE_CONTROL, SOURCE_SIGNALS };

void daemon_say(const char *format, ...)
{
	char text[1024];
	va_list args;

	va_start(args, format);
	vsnprintf(text, sizeof(text), format, args);
	va_end(args);
	verb_error("%s", text);
}

/* --- what the recorder tells the clients */
static void on_task(void *arg, const struct bd_task *task)
{
	struct daemon *d = arg;

	if (d->in_second)
		clients_task(d->clients, task);
	else
		clients_look(d->clients, task);
}

static void on_fork(void *arg, uint32_t ns_tgid, uint32_t ns_parent)
{
	clients_fork_record(((struct daemon *)arg)->clients, ns_tgid, ns_parent);
}

static void on_exit_record(void *arg, const struct bd_exit *event)
{
	clients_exit_record(((struct daemon *)arg)->clients, event);
}

static void on_free_record(void *arg, const struct bd_free *event)
{
	clients_free_record(((struct daemon *)arg)->clients, event);
}

static void on_killed(void *arg, const struct bd_kill *event)
{
	daemon_killed(arg, event);
}

/* --- configuration */
static int clients_from(const char *path, const struct config *config, struct clients **ret)
{
	struct clients_options options = { .config = config, .path = path };
	struct config_errors errors;
	int err = clients_new(&options, ret, &errors);

	for (size_t i = 0; i < errors.n; i++)
		verb_error("%s", errors.text[i]);
	if (err && !errors.n)
		verb_error("%s: %s", path, strerror(-err));
	config_errors_release(&errors);
	return !err ? VERB_DONE : err == -EINVAL ? VERB_WRONG_USE : VERB_FAILED;
}

static bool same_text(const char *a, const char *b)
{
	return !strcmp(a ? a : "", b ? b : "");
}

/* What a running daemon can't take up: the ring has its size, the directories are open. */
static void say_what_waits(const struct config_agent *old, const struct config_agent *new)
{
	if (!same_text(old->state_dir, new->state_dir) || !same_text(old->socket, new->socket) ||
	    !same_text(old->spool_dir, new->spool_dir) || old->before_s != new->before_s ||
	    old->after_s != new->after_s || old->burst_hz != new->burst_hz)
		daemon_say("state_dir, spool_dir, socket, before, after and burst_hz change with the "
			   "next restart");
}

static void keep_what_waits(struct config_agent *old, struct config_agent *new)
{
	char **texts[][2] = {
		{ &old->state_dir, &new->state_dir },
		{ &old->spool_dir, &new->spool_dir },
		{ &old->socket, &new->socket },
	};

	for (size_t i = 0; i < sizeof(texts) / sizeof(*texts); i++) {
		char *swap = *texts[i][0];

		*texts[i][0] = *texts[i][1];
		*texts[i][1] = swap;
	}
	new->before_s = old->before_s;
	new->after_s = old->after_s;
	new->burst_hz = old->burst_hz;
}

/* A file with a mistake changes nothing. */
static void reload(struct daemon *d)
{
	struct config config;
	struct config *place;
	struct clients *clients;

	if (config_file_read(d->config_path, &config)) {
		daemon_say("%s: refused; the configuration stays as it was", d->config_path);
		return;
	}
	if (clients_from(d->config_path, &config, &clients)) {
		config_release(&config);
		daemon_say("%s: refused; the configuration stays as it was", d->config_path);
		return;
	}
	clients_free(clients);
	/* The clients point to the configuration: it has to be where it stays. */
	say_what_waits(&d->config.agent, &config.agent);
	keep_what_waits(&d->config.agent, &config.agent);
	place = &d->config;
	clients_free(d->clients);
	d->clients = NULL;
	config_release(place);
	*place = config;
	if (clients_from(d->config_path, place, &d->clients))
		exit(VERB_FAILED); /* it had just worked: there is no memory, and we are restarted */
	d->second = (struct clients_second){ 0 };
	d->warned = false;
	watched_rules(d->machine, &place->agent, &place->machine);
	for (size_t i = 0; i < d->nwatched; i++)
		d->watched[i]->rules = NULL;
	daemon_crash_configure(d);
	budget_init(&d->budget, place->agent.rate_hz, clock_monotonic_ns(),
		    flight_recorder_cost(d->flight));
	flight_recorder_set_rate(d->flight, d->budget.rate_hz);
	daemon_upload_start(d);
	daemon_say("%s: taken up", d->config_path);
}

/* --- start and end */
static int open_places(struct daemon *d)
{
	const struct config_agent *agent = &d->config.agent;
	char error[SPOOL_ERROR];

	if (state_dir_open(&d->state, agent->state_dir, error) ||
	    spool_open(&d->spool, agent->spool_dir, error)) {
		verb_error("watch: %s", error);
		return VERB_FAILED;
	}
	char sources[512], note[HOST_ID_ERROR] = "";

	host_id_sources(sources, sizeof(sources));
	int err = host_id_make(d->state.fd, sources, d->host_id, note);

	if (note[0])
		daemon_say("%s", note);
	if (err) {
		verb_error("watch: %s/" HOST_ID_KEY ": %s", agent->state_dir, strerror(-err));
		return VERB_FAILED;
	}
	int recovered = spool_recover(&d->spool);

	if (recovered > 0)
		daemon_say("%s: %d reports were cut short; what led to their triggers is there",
			   d->spool.path, recovered);
	else if (recovered < 0)
		daemon_say("%s: %s", d->spool.path, strerror(-recovered));
	daemon_upload_start(d);
	if (control_new(&d->control, agent->socket, daemon_answer, d, error)) {
		verb_error("watch: %s", error);
		return VERB_FAILED;
	}
	return VERB_DONE;
}

static void on_owned(void *arg, const struct bd_thread *id, uint64_t client)
{
	struct daemon *d = arg;

	flight_recorder_own(d->flight, id, client);
}

static int watch_machine(struct daemon *d)
{
	d->keep_s = d->config.agent.before_s * (REACH_MOST + 1) + d->config.agent.after_s + SERIES_SPARE_S;
	d->wait_ns = calloc(d->keep_s, sizeof(*d->wait_ns));
	d->machine = watched_new("machine", d->keep_s);
	thread_history_init(&d->history, d->keep_s * 1000000000ULL);
	d->history.heard = on_owned;
	d->history.arg = d;
	if (!d->wait_ns || !d->machine)
		return -ENOMEM;
	watched_rules(d->machine, &d->config.agent, &d->config.machine);
	return daemon_learned(d, d->machine);
}

static void survive(void)
{
	const char *lacks = survive_begin();
	bool admin = false;
	int err = survive_drop_capabilities(&admin);

	if (lacks)
		daemon_say("%s", lacks);
	if (admin)
		daemon_say("CAP_SYS_ADMIN is kept: this kernel opens no events without it");
	if (err)
		daemon_say("dropping capabilities: %s", strerror(-err));
}

static int start(struct daemon *d)
{
	const struct config_agent *agent = &d->config.agent;
	char error[COLLECTOR_ERROR] = "";
	struct flight_options options = {
		.rate_hz = agent->rate_hz,
		.burst_hz = agent->burst_hz,
		.before_s = agent->before_s,
		.ring_bytes = DAEMON_RING_BYTES,
		.tap = { d, on_task, on_fork, on_exit_record, on_free_record, on_killed },
	};
	int status = open_places(d);

	if (status)
		return status;
	int err = watch_machine(d);

	if (!err)
		err = flight_recorder_new(&d->flight, &options, error);
	if (!err) {
		/* Before there is a second thread: each has capabilities of its own. */
		survive();
		daemon_crash_configure(d);
		err = flight_recorder_start(d->flight, error);
	}
	if (err) {
		verb_error("watch: %s", error[0] ? error : strerror(-err));
		return VERB_FAILED;
	}
	d->start_ns = clock_monotonic_ns();
	budget_init(&d->budget, agent->rate_hz, d->start_ns, flight_recorder_cost(d->flight));
	return VERB_DONE;
}

static void stop(struct daemon *d)
{
	daemon_upload_stop(d);
	if (d->flight)
		daemon_finish(d);
	if (d->machine && d->machine->baseline)
		daemon_save(d, true);
	control_free(d->control);
	flight_recorder_free(d->flight);
	for (size_t i = 0; i < d->nwatched; i++)
		watched_free(d->watched[i]);
	watched_free(d->machine);
	free(d->watched);
	free(d->wait_ns);
	thread_history_release(&d->history);
	clients_free(d->clients);
	spool_close(&d->spool);
	state_dir_close(&d->state);
	config_release(&d->config);
}

/* --- the loop */
/* Signals are read, not caught. False: it is over. */
static bool take_signals(struct daemon *d, int fd)
{
	struct signalfd_siginfo info;

	while (read(fd, &info, sizeof(info)) == sizeof(info)) {
		if (info.ssi_signo == SIGHUP)
			reload(d);
		else if (info.ssi_signo == SIGUSR1)
			daemon_trigger_manual(d, NULL, "a signal");
		else
			return false;
	}
	return true;
}

static int add_source(int epoll, int fd, enum source source)
{
	struct epoll_event event = { .events = EPOLLIN, .data.u32 = source };

	return epoll_ctl(epoll, EPOLL_CTL_ADD, fd, &event) ? -errno : 0;
}

static int patience_ms(const struct daemon *d, uint64_t second_ns)
{
	uint64_t now_ns = clock_monotonic_ns(), until_ns = second_ns;

	if (d->burst.on && d->burst.end_ns < until_ns)
		until_ns = d->burst.end_ns;
	return until_ns > now_ns ? (until_ns - now_ns + 999999) / 1000000 : 0;
}

/* One wait, and what has come meanwhile. 1: go on, 0: it is over, or -errno. */
static int turn(struct daemon *d, int epoll, int signals, int timeout_ms)
{
	struct epoll_event events[3];
	int n = epoll_wait(epoll, events, 3, timeout_ms), err = 0;
	bool over = false;

	for (int i = 0; i < n && !err; i++) {
		if (events[i].data.u32 == SOURCE_RINGS)
			err = flight_recorder_poll(d->flight);
		else if (events[i].data.u32 == SOURCE_CONTROL)
			control_run(d->control);
		else
			over = !take_signals(d, signals);
	}
	return err ? err : !over;
}

/* The ends that a burst can have. To sum up what the ring takes is not for each record that is in a hurry. */
static void look_at_burst(struct daemon *d)
{
	uint64_t now_ns = clock_monotonic_ns();

	if (now_ns - d->burst.measured_ns >= MEASURE_NS) {
		d->burst.measured_ns = now_ns;
		if (flight_recorder_full(d->flight))
			daemon_cut(d);
	}
	if (now_ns >= d->burst.end_ns)
		daemon_finish(d);
}

static int run(struct daemon *d, int epoll, int signals)
{
	uint64_t second_ns = clock_monotonic_ns() + SECOND_NS;
	unsigned watchdog_s = survive_watchdog_s();
	bool crashes = false;
	int go = 1;

	survive_notify("READY=1");
	while (go > 0) {
		go = turn(d, epoll, signals, crashes ? 0 : patience_ms(d, second_ns));
		uint64_t now_ns = clock_monotonic_ns();

		if (go > 0 && now_ns >= second_ns) {
			int err = daemon_second(d);

			if (err)
				return err;
			/* A second that could not be kept is left out, not made up for. */
			second_ns += SECOND_NS;
			if (second_ns <= now_ns)
				second_ns = now_ns + SECOND_NS;
			if (watchdog_s && d->seconds % watchdog_s == 0)
				survive_notify("WATCHDOG=1");
		}
		if (d->burst.on)
			look_at_burst(d);
		crashes = go > 0 && daemon_crashes(d);
	}
	survive_notify("STOPPING=1");
	return go;
}

static int loop(struct daemon *d)
{
	int epoll = epoll_create1(EPOLL_CLOEXEC), signals = -1, err;
	sigset_t set;

	sigemptyset(&set);
	sigaddset(&set, SIGTERM);
	sigaddset(&set, SIGINT);
	sigaddset(&set, SIGHUP);
	sigaddset(&set, SIGUSR1);
	sigprocmask(SIG_BLOCK, &set, NULL);
	signals = signalfd(-1, &set, SFD_CLOEXEC | SFD_NONBLOCK);
	err = epoll < 0 || signals < 0 ? -errno : 0;
	if (!err)
		err = add_source(epoll, flight_recorder_fd(d->flight), SOURCE_RINGS);
	if (!err)
		err = add_source(epoll, control_fd(d->control), SOURCE_CONTROL);
	if (!err)
		err = add_source(epoll, signals, SOURCE_SIGNALS);
	if (!err) {
		daemon_say("watching: process %d, %zu client sections%s", getpid(),
			   d->config.n_clients, d->dry_run ? ", reporting nothing (--dry-run)" : "");
		err = run(d, epoll, signals);
	}
	if (err)
		verb_error("watch: %s", strerror(-err));
	if (epoll >= 0)
		close(epoll);
	if (signals >= 0)
		close(signals);
	return err ? VERB_FAILED : VERB_DONE;
}

int daemon_run(const char *config_path, bool dry_run)
{
	static struct daemon d;
	int status;

	d = (struct daemon){
		.config_path = config_path,
		.dry_run = dry_run,
		.spool.fd = -1,
		.state = { .fd = -1, .lock = -1 },
	};
	signal(SIGPIPE, SIG_IGN);
	status = config_file_read(config_path, &d.config);
	if (status)
		return status;
	status = clients_from(config_path, &d.config, &d.clients);
	if (!status)
		status = start(&d);
	if (!status)
		status = loop(&d);
	stop(&d);
	return status;
}
