// SPDX-License-Identifier: BSD-2-Clause
/* backdraft upload: empty the spool. */
#include "user/upload/upload.h"

#include <errno.h>
#include <fcntl.h>
#include <getopt.h>
#include <poll.h>
#include <signal.h>
#include <stdbool.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <strings.h>
#include <sys/inotify.h>
#include <sys/stat.h>
#include <time.h>
#include <unistd.h>

#include "user/common/clock.h"
#include "user/common/config_file.h"
#include "user/upload/upload_confine.h"
#include "user/upload/upload_queue.h"
#include "user/upload/upload_secret.h"
#include "user/common/verb.h"

#define OPTION_CONFIG VERB_LONG_ONLY
#define OPTION_ONCE (VERB_LONG_ONLY + 1)
#define BUSY_MS 200
#define THERE_MS 3000 /* how often it looks whether the spool is there: nothing tells of its end */
#define BUSY_MOST_MS 10000 /* --once waits for another uploader's pass for so long */

const struct verb_option verb_upload_options[] = {
	{OPTION_CONFIG, "config", "FILE", "instead of " CONFIG_FILE_DEFAULT},
	{OPTION_ONCE, "once", NULL, "send what waits, and end; 1 where something has to wait"},
	{0},
};

struct upload {
	const char *config_path;
	bool once;
	pid_t parent; /* 0: by hand */
	struct config config;
	struct upload_queue queue;
	char *token, *authorities;
	size_t authorities_bytes;
	int changes; /* inotify: a report or a heartbeat has come, or the spool is gone */
	struct stat resolver;
};

/* --- what needs its rights */
static int read_secrets(struct upload *u)
{
	const struct config_upload *c = &u->config.upload;
	char error[UPLOAD_SECRET_ERROR];
	const char *ca = c->ca_file;

	if (c->token_file[0] && upload_token_read(c->token_file, &u->token, error)) {
		verb_error("upload: token_file %s", error);
		return VERB_WRONG_USE;
	}
	/* The library's own file is read now as well: later there is only the spool to be seen. */
	if (!ca[0])
		ca = upload_curl.authorities();
	if (!strncasecmp(c->url, "https:", 6) && ca &&
	    upload_authorities_read(ca, &u->authorities, &u->authorities_bytes, error) &&
	    c->ca_file[0]) {
		verb_error("upload: ca_file %s", error);
		return VERB_WRONG_USE;
	}
	return VERB_DONE;
}

static int open_transport(struct upload *u)
{
	struct upload_http_options options = {
		.url = u->config.upload.url,
		.token = u->token,
		.authorities = u->authorities,
		.authorities_bytes = u->authorities_bytes,
		.connect_s = u->config.upload.connect_timeout_s,
		.total_s = u->config.upload.timeout_s,
	};
	int err = upload_curl.open(&options, &u->queue.http);

	if (!err) {
		u->queue.transport = &upload_curl;
		return VERB_DONE;
	}
	verb_error("upload: libcurl: %s",
		   err == -ENOMEM ? "out of memory" : "it is too old, or built without TLS");
	return VERB_FAILED;
}

static int watch_spool(const struct spool *s)
{
	char path[64];
	int fd = inotify_init1(IN_CLOEXEC | IN_NONBLOCK);

	if (fd < 0)
		return -errno;
	/* By descriptor: the path may lead elsewhere by now. */
	snprintf(path, sizeof(path), "/proc/self/fd/%d/.", s->fd);
	if (inotify_add_watch(fd, path, IN_MOVED_TO | IN_ONLYDIR) < 0) {
		int err = -errno;

		close(fd);
		return err;
	}
	snprintf(path, sizeof(path), "/proc/self/fd/%d/" SPOOL_BEATS, s->fd);
	inotify_add_watch(fd, path, IN_MOVED_TO | IN_ONLYDIR | IN_DONT_FOLLOW);
	return fd;
}

static int start(struct upload *u)
{
	const char *path = u->config.agent.spool_dir;
	char error[SPOOL_ERROR];
	struct upload_user user;

	if (upload_user_find(u->config.upload.user, &user)) {
		verb_error("upload: [upload] user = %s: there is no such user, or it is root",
			   u->config.upload.user);
		return VERB_WRONG_USE;
	}
	int status = read_secrets(u);

	if (status)
		return status;
	if (upload_queue_open(&u->queue, path, error)) {
		verb_error("upload: %s", error);
		return VERB_FAILED;
	}
	status = open_transport(u);
	if (status)
		return status;
	int err = geteuid() ? 0 : spool_share(&u->queue.spool, user.gid);

	if (!err) {
		u->changes = watch_spool(&u->queue.spool);
		err = u->changes < 0 ? u->changes : 0;
	}
	if (!err)
		err = upload_confine(&user, u->queue.spool.fd, u->parent);
	if (err) {
		verb_error("upload: %s: giving up rights for user %s: %s", path, user.name,
			   strerror(-err));
		return VERB_FAILED;
	}
	stat("/etc/resolv.conf", &u->resolver);
	return VERB_DONE;
}

/* --- the loop */
static void pause_ms(uint64_t ms)
{
	struct timespec t = {.tv_sec = ms / 1000, .tv_nsec = ms % 1000 * 1000000};

	nanosleep(&t, NULL);
}

/* Whether a report or a heartbeat is among what has happened; .upload, which is ours, is none. */
static bool has_work(const struct upload *u)
{
	char events[4096] __attribute__((aligned(8)));
	bool work = false;
	ssize_t n;

	while ((n = read(u->changes, events, sizeof(events))) > 0) {
		for (char *at = events; at < events + n;) {
			const struct inotify_event *event = (void *)at;

			work |= !event->len || event->name[0] != '.';
			at += sizeof(*event) + event->len;
		}
	}
	return work;
}

/* Until something comes, or for that long. False: the directory is gone. */
static bool wait_for_work(struct upload *u, uint64_t ms)
{
	uint64_t until_ms = clock_monotonic_ns() / 1000000 + ms, now_ms, left_ms;
	struct pollfd poll_fd = {.fd = u->changes, .events = POLLIN};
	bool there;

	do {
		now_ms = clock_monotonic_ns() / 1000000;
		left_ms = now_ms < until_ms ? until_ms - now_ms : 0;
		poll(&poll_fd, 1, left_ms < THERE_MS ? left_ms : THERE_MS);
		there = spool_is_there(&u->queue.spool);
	} while (there && !has_work(u) && now_ms < until_ms);
	return there;
}

/* The file that was let through is another one now: names can't be looked up any more. */
static bool resolver_changed(const struct upload *u)
{
	struct stat st;

	return !stat("/etc/resolv.conf", &st) &&
	       (st.st_ino != u->resolver.st_ino || st.st_dev != u->resolver.st_dev);
}

static int pass_once(struct upload *u)
{
	struct upload_queue *q = &u->queue;
	uint64_t begin_ms = clock_monotonic_ns() / 1000000;
	int err;

	while ((err = upload_queue_pass(q)) == -EBUSY) {
		if (clock_monotonic_ns() / 1000000 - begin_ms > BUSY_MOST_MS) {
			verb_error("upload: spool %s: another uploader is at work on it",
				   q->spool.path);
			return VERB_FAILED;
		}
		pause_ms(BUSY_MS);
	}
	/* After an outage a fleet is not to come back at once; a person who says --once is no fleet. */
	if (!err && q->waiting && !q->status.error[0]) {
		q->next_ms = 0;
		err = upload_queue_pass(q);
	}
	if (err)
		verb_error("upload: spool %s: %s", q->spool.path, strerror(-err));
	else if (q->waiting)
		verb_error("upload: %llu reports wait in %s", (unsigned long long)q->waiting,
			   q->spool.path);
	return err || q->waiting || q->status.error[0] ? VERB_FAILED : VERB_DONE;
}

static int run(struct upload *u)
{
	struct upload_queue *q = &u->queue;

	for (;;) {
		int err = upload_queue_pass(q);
		uint64_t wait = err == -EBUSY ? BUSY_MS : upload_queue_wait_ms(q);

		if (err && err != -EBUSY) {
			verb_error("upload: spool %s: %s", q->spool.path, strerror(-err));
			return VERB_FAILED;
		}
		if (wait)
			pause_ms(wait);
		/* Whoever starts it anew has it read the token again, and the resolver's file. */
		if (q->token_refused || resolver_changed(u))
			return VERB_FAILED;
		if (!wait_for_work(u, q->waiting && q->failed ? 0 : upload_queue_idle_ms(q))) {
			verb_error("upload: spool %s: it was removed", q->spool.path);
			return VERB_FAILED;
		}
	}
}

static void release(struct upload *u)
{
	if (u->queue.transport)
		u->queue.transport->close(u->queue.http);
	upload_queue_close(&u->queue);
	if (u->changes >= 0)
		close(u->changes);
	free(u->token);
	free(u->authorities);
	config_release(&u->config);
}

static int upload(const char *config_path, bool once, pid_t parent)
{
	struct upload u = {
		.config_path = config_path,
		.once = once,
		.parent = parent,
		.queue.spool.fd = -1,
		.changes = -1,
	};
	int status;

	if (!&upload_curl) {
		verb_error("upload: this build has no libcurl, so it can't send anything; use a "
			   "package of your distribution, or `make all`");
		return VERB_FAILED;
	}
	status = config_file_read(config_path, &u.config);
	if (status)
		return status;
	if (!u.config.upload.url[0]) {
		verb_error("%s: [upload] url is not set: nothing leaves this machine", config_path);
		config_release(&u.config);
		return VERB_WRONG_USE;
	}
	signal(SIGPIPE, SIG_IGN);
	status = start(&u);
	if (!status)
		status = once ? pass_once(&u) : run(&u);
	release(&u);
	return status;
}

int verb_upload(int argc, char **argv)
{
	const char *config = CONFIG_FILE_DEFAULT;
	bool once = false;
	int option;

	while ((option = verb_getopt(verb_upload_options, argc, argv)) != -1) {
		if (option == OPTION_CONFIG)
			config = optarg;
		else if (option == OPTION_ONCE)
			once = true;
		else
			return VERB_WRONG_USE;
	}
	if (optind < argc)
		return verb_usage("upload", "%s: it takes only options", argv[optind]);
	return upload(config, once, 0);
}

int upload_child_main(int argc, char **argv)
{
	/* The daemon says who it is: when this runs it may have died, and be nobody's parent any more. */
	long parent = argc == 3 ? strtol(argv[2], NULL, 10) : 0;

	return parent > 0 ? upload(argv[1], false, (pid_t)parent) : VERB_WRONG_USE;
}
