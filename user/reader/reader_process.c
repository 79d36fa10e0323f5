// SPDX-License-Identifier: BSD-2-Clause
#include "user/reader/reader_process.h"

#include <errno.h>
#include <fcntl.h>
#include <poll.h>
#include <signal.h>
#include <spawn.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/resource.h>
#include <sys/socket.h>
#include <sys/wait.h>
#include <time.h>
#include <unistd.h>

#define CHILD_SOCKET_FD 3

int64_t reader_now_ns(void)
{
	struct timespec t;

	clock_gettime(CLOCK_MONOTONIC, &t);
	return t.tv_sec * 1000000000LL + t.tv_nsec;
}

int reader_process_init(struct reader_process *p)
{
	*p = (struct reader_process){.socket = -1, .packet = malloc(READER_PACKET_MAX)};
	return p->packet ? 0 : -ENOMEM;
}

void reader_process_release(struct reader_process *p)
{
	reader_process_stop(p);
	free(p->packet);
	p->packet = NULL;
}

static int file_actions(posix_spawn_file_actions_t *actions, int socket)
{
	int err = posix_spawn_file_actions_init(actions);

	if (err == 0)
		err = posix_spawn_file_actions_addopen(actions, 0, "/dev/null", O_RDONLY, 0);
	if (err == 0)
		err = posix_spawn_file_actions_addopen(actions, 1, "/dev/null", O_WRONLY, 0);
	if (err == 0)
		err = posix_spawn_file_actions_adddup2(actions, socket, CHILD_SOCKET_FD);
	return -err;
}

/* The tool may have blocked signals for a signalfd; the child is to begin as a process does. */
static int attributes(posix_spawnattr_t *attr)
{
	sigset_t none, all;
	int err = posix_spawnattr_init(attr);

	sigemptyset(&none);
	sigfillset(&all);
	if (err == 0)
		err = posix_spawnattr_setsigmask(attr, &none);
	if (err == 0)
		err = posix_spawnattr_setsigdefault(attr, &all);
	if (err == 0)
		err = posix_spawnattr_setflags(attr,
					       POSIX_SPAWN_SETSIGMASK | POSIX_SPAWN_SETSIGDEF);
	return -err;
}

static int spawn(int socket, const char *rights, pid_t *ret)
{
	char parent[16], path[4096];
	char *argv[] = {(char *)"backdraft", (char *)READER_VERB, parent, (char *)(uintptr_t)rights, NULL};
	/* Nothing of the environment is needed, and it may hold secrets; but for where libraries
	 * are. */
	const char *libraries = getenv("LD_LIBRARY_PATH");
	char *envp[] = {NULL, NULL};
	posix_spawn_file_actions_t actions;
	posix_spawnattr_t attr;
	int err;

	snprintf(parent, sizeof(parent), "%d", getpid());
	if (libraries &&
	    snprintf(path, sizeof(path), "LD_LIBRARY_PATH=%s", libraries) < sizeof(path))
		envp[0] = path;
	err = file_actions(&actions, socket);
	if (err < 0)
		return err;
	err = attributes(&attr);
	if (err == 0)
		err = -posix_spawn(ret, "/proc/self/exe", &actions, &attr, argv, envp);
	posix_spawn_file_actions_destroy(&actions);
	posix_spawnattr_destroy(&attr);
	return err;
}

int reader_process_start(struct reader_process *p)
{
	int pair[2], size = 4 * READER_PACKET_MAX, err;

	if (p->pid)
		return 0;
	if (p->failed_starts >= READER_FAILED_STARTS_MAX)
		return -ECHILD;
	if (socketpair(AF_UNIX, SOCK_SEQPACKET | SOCK_CLOEXEC, 0, pair) < 0)
		return -errno;
	for (int i = 0; i < 2; i++)
		setsockopt(pair[i], SOL_SOCKET, SO_SNDBUF, &size, sizeof(size));
	err = spawn(pair[1], p->rights, &p->pid);
	close(pair[1]);
	if (err < 0) {
		close(pair[0]);
		p->pid = 0;
		p->failed_starts++;
		return err;
	}
	p->socket = pair[0];
	p->ready = false;
	p->started++;
	return 0;
}

static uint64_t peak_rss(pid_t pid)
{
	unsigned long long kb = 0;
	char name[64], line[256];
	FILE *status;

	snprintf(name, sizeof(name), "/proc/%d/status", pid);
	status = fopen(name, "re");
	while (status && kb == 0 && fgets(line, sizeof(line), status))
		if (sscanf(line, "VmHWM: %llu", &kb) != 1)
			kb = 0;
	if (status)
		fclose(status);
	return kb * 1024;
}

static void note_rss(struct reader_process *p)
{
	uint64_t rss = p->pid ? peak_rss(p->pid) : 0;

	if (rss > p->rss_bytes)
		p->rss_bytes = rss;
}

static bool reap(struct reader_process *p, pid_t pid)
{
	struct rusage used;
	pid_t got = wait4(pid, NULL, WNOHANG, &used);

	if (got == 0)
		return false;
	if (got == pid)
		p->dead_cpu_ns +=
			(uint64_t)(used.ru_utime.tv_sec + used.ru_stime.tv_sec) * 1000000000 +
			(uint64_t)(used.ru_utime.tv_usec + used.ru_stime.tv_usec) * 1000;
	return true;
}

/* A process in an uninterruptible call of a network file system doesn't die now: then it dies
 * later. */
void reader_process_stop(struct reader_process *p)
{
	const struct timespec pause = {.tv_nsec = 1000000};
	pid_t pid = p->pid;
	bool gone = false;

	for (int i = 0; i < READER_UNREAPED_MAX; i++)
		if (p->unreaped[i] && reap(p, p->unreaped[i]))
			p->unreaped[i] = 0;
	if (!pid)
		return;
	note_rss(p);
	close(p->socket);
	p->socket = -1;
	p->pid = 0;
	kill(pid, SIGKILL);
	for (int ms = 0; ms < 100 && !gone; ms++) {
		gone = reap(p, pid);
		if (!gone)
			nanosleep(&pause, NULL);
	}
	for (int i = 0; i < READER_UNREAPED_MAX && !gone; i++)
		if (p->unreaped[i] == 0) {
			p->unreaped[i] = pid;
			gone = true;
		}
}

static int send_request(struct reader_process *p, const struct reader_request *q, int fd)
{
	struct iovec iov = {(void *)(uintptr_t)q, sizeof(*q) + q->n * sizeof(q->addresses[0])};
	union {
		struct cmsghdr header;
		char bytes[CMSG_SPACE(sizeof(int))];
	} control = {0};
	struct msghdr msg = {.msg_iov = &iov, .msg_iovlen = 1};

	if (fd >= 0) {
		msg.msg_control = control.bytes;
		msg.msg_controllen = sizeof(control.bytes);
		control.header = (struct cmsghdr){.cmsg_len = CMSG_LEN(sizeof(int)),
						  .cmsg_level = SOL_SOCKET,
						  .cmsg_type = SCM_RIGHTS};
		memcpy(CMSG_DATA(&control.header), &fd, sizeof(int));
	}
	/* One request is under way at a time, and one fits: it doesn't wait for the child. */
	return sendmsg(p->socket, &msg, MSG_NOSIGNAL | MSG_DONTWAIT) < 0 ? -errno : 0;
}

/* The next packet: its length, 0 where the child is gone, -ETIMEDOUT, or -errno. */
static ssize_t receive(struct reader_process *p, int64_t deadline_ns, int *ret_fd)
{
	struct iovec iov = {p->packet, READER_PACKET_MAX};
	union {
		struct cmsghdr header;
		char bytes[CMSG_SPACE(sizeof(int))];
	} control = {0};
	struct msghdr msg = {.msg_iov = &iov,
			     .msg_iovlen = 1,
			     .msg_control = control.bytes,
			     .msg_controllen = sizeof(control.bytes)};
	struct pollfd poll_fd = {.fd = p->socket, .events = POLLIN};
	const struct cmsghdr *c;
	ssize_t n;
	int ready;

	do {
		int64_t left = deadline_ns - reader_now_ns();

		if (left <= 0)
			return -ETIMEDOUT;
		ready = poll(&poll_fd, 1, (int)(left / 1000000) + 1);
	} while (ready == 0 || (ready < 0 && errno == EINTR));
	n = recvmsg(p->socket, &msg, MSG_CMSG_CLOEXEC | MSG_DONTWAIT);
	if (n < 0)
		return errno == ECONNRESET ? 0 : -errno;
	c = CMSG_FIRSTHDR(&msg);
	if (c && c->cmsg_level == SOL_SOCKET && c->cmsg_type == SCM_RIGHTS &&
	    c->cmsg_len == CMSG_LEN(sizeof(int)))
		memcpy(ret_fd, CMSG_DATA(c), sizeof(int));
	return msg.msg_flags & MSG_TRUNC ? -EPROTO : n;
}

/* One checked packet, handed to `fn`. Sets whether more follow. */
static enum reader_reason take(struct reader_process *p, const struct reader_request *q,
			       int64_t deadline_ns, reader_payload_fn *fn, void *arg,
			       bool *ret_more)
{
	const struct reader_answer *a;
	int fd = -1;
	ssize_t n = receive(p, deadline_ns, &fd);

	*ret_more = false;
	if (n == -ETIMEDOUT)
		return READER_TIMED_OUT;
	if (n == 0)
		return READER_DIED;
	if (n < 0 || reader_answer_check(p->packet, (size_t)n, q->kind, q->serial, &a) < 0)
		goto bad;
	*ret_more = a->more;
	if (!fn || (a->reason != READER_NONE && a->bytes == 0)) {
		if (fd >= 0)
			close(fd);
		return a->reason;
	}
	return fn(arg, a + 1, a->bytes, fd) < 0 ? READER_BAD_ANSWER : a->reason;
bad:
	if (fd >= 0)
		close(fd);
	return READER_BAD_ANSWER;
}

static enum reader_reason await_hello(struct reader_process *p, int64_t deadline_ns)
{
	const struct reader_request hello = {.kind = READER_HELLO};
	enum reader_reason reason;
	bool more;

	if (p->ready)
		return READER_NONE;
	reason = take(p, &hello, deadline_ns, NULL, NULL, &more);
	p->ready = reason == READER_NONE;
	if (p->ready && p->has_nice)
		setpriority(PRIO_PROCESS, (id_t)p->pid, p->nice);
	p->failed_starts = p->ready ? 0 : p->failed_starts + 1;
	return reason;
}

static bool is_fatal(enum reader_reason reason)
{
	return reason == READER_TIMED_OUT || reason == READER_DIED || reason == READER_BAD_ANSWER ||
	       reason == READER_NO_SANDBOX;
}

enum reader_reason reader_process_call(struct reader_process *p, struct reader_request *q, int fd,
				       int64_t deadline_ns, reader_payload_fn *fn, void *arg)
{
	enum reader_reason reason = READER_DIED;
	bool more = true, sent = false;

	/* An idle child that somebody killed says nothing against this file. */
	for (int attempt = 0; attempt < 2 && !sent; attempt++) {
		if (reader_process_start(p) < 0)
			return READER_DIED;
		reason = await_hello(p, deadline_ns);
		q->serial = ++p->serial;
		sent = reason == READER_NONE && send_request(p, q, fd) == 0;
		if (!sent) {
			reader_process_stop(p);
			reason = reason == READER_NONE ? READER_DIED : reason;
		}
	}
	if (!sent)
		return reason;
	for (unsigned packets = 0; more && !is_fatal(reason); packets++)
		reason = packets < READER_PACKETS_MAX ? take(p, q, deadline_ns, fn, arg, &more)
						      : READER_BAD_ANSWER;
	if (is_fatal(reason))
		reader_process_stop(p);
	return reason;
}

void reader_process_cost(struct reader_process *p, struct reader_cost *ret)
{
	struct timespec used = {0};
	clockid_t clock;

	if (p->pid && clock_getcpuclockid(p->pid, &clock) == 0)
		clock_gettime(clock, &used);
	note_rss(p);
	*ret = (struct reader_cost){
		.cpu_ns = p->dead_cpu_ns + (uint64_t)used.tv_sec * 1000000000 +
			  (uint64_t)used.tv_nsec,
		.rss_bytes = p->rss_bytes,
		.started = p->started,
	};
}
