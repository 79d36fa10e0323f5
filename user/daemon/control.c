// SPDX-License-Identifier: BSD-2-Clause
#include "user/daemon/control.h"

#include <errno.h>
#include <fcntl.h>
#include <grp.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/epoll.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <sys/un.h>
#include <unistd.h>

#include "user/common/directory.h"
#include "user/lib/base/out.h"

#define GROUP "backdraft"
#define SEND_BYTES (4 * 1024 * 1024) /* an answer that the other side doesn't read */

struct connection {
	int fd; /* -1: free */
	char line[CONTROL_LINE_MAX];
	size_t n;
	struct out answer; /* what waits to be sent */
	size_t sent;
};

struct control {
	int fd, epoll;
	char *path;
	control_fn *fn;
	void *arg;
	struct connection connections[CONTROL_CONNECTIONS];
};

/* Without NSS, which would load libraries into the daemon. */
static int group_find(gid_t *ret)
{
	FILE *f = fopen("/etc/group", "re");
	struct group *group = NULL;

	while (f && (group = fgetgrent(f)))
		if (!strcmp(group->gr_name, GROUP))
			break;
	if (group)
		*ret = group->gr_gid;
	if (f)
		fclose(f);
	return group ? 0 : -ENOENT;
}

static int listen_at(const char *path)
{
	struct sockaddr_un address = { .sun_family = AF_UNIX };
	struct stat st;
	gid_t group;

	if (strlen(path) >= sizeof(address.sun_path))
		return -ENAMETOOLONG;
	strcpy(address.sun_path, path);
	/* The lock of the state directory says that nobody listens any more. */
	if (!lstat(path, &st) && S_ISSOCK(st.st_mode))
		unlink(path);
	int fd = socket(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC | SOCK_NONBLOCK, 0);

	if (fd < 0)
		return -errno;
	mode_t before = umask(0177);
	int err = bind(fd, (struct sockaddr *)&address, sizeof(address)) ? -errno : 0;

	umask(before);
	if (!err && !group_find(&group) && !lchown(path, -1, group) && chmod(path, 0660))
		err = -errno;
	if (!err && listen(fd, CONTROL_CONNECTIONS))
		err = -errno;
	if (err) {
		close(fd);
		return err;
	}
	return fd;
}

/* The socket's directory may be on a file system that is empty after a boot. */
static int make_directory(const char *path)
{
	char *directory = strdup(path), *slash = directory ? strrchr(directory, '/') : NULL;
	int err = directory ? 0 : -ENOMEM;

	if (slash && slash != directory) {
		*slash = '\0';
		if (mkdir(directory, 0755) && errno != EEXIST)
			err = -errno;
	}
	free(directory);
	return err;
}

int control_new(struct control **ret, const char *path, control_fn *fn, void *arg,
		char error[CONTROL_ERROR])
{
	struct control *c = calloc(1, sizeof(*c));
	struct epoll_event event = { .events = EPOLLIN, .data.u32 = CONTROL_CONNECTIONS };
	int err = c ? make_directory(path) : -ENOMEM;

	if (err)
		goto fail;
	c->fn = fn;
	c->arg = arg;
	c->epoll = -1;
	for (size_t i = 0; i < CONTROL_CONNECTIONS; i++)
		c->connections[i].fd = -1;
	c->fd = err = listen_at(path);
	if (err < 0)
		goto fail;
	err = -ENOMEM;
	c->path = strdup(path);
	c->epoll = epoll_create1(EPOLL_CLOEXEC);
	if (!c->path || c->epoll < 0 || epoll_ctl(c->epoll, EPOLL_CTL_ADD, c->fd, &event))
		goto fail;
	*ret = c;
	return 0;
fail:
	snprintf(error, CONTROL_ERROR, "socket %.128s: %s", path, strerror(-err));
	control_free(c);
	return err;
}

static void connection_end(struct connection *x)
{
	if (x->fd < 0)
		return;
	close(x->fd);
	out_release(&x->answer);
	x->fd = -1;
}

void control_free(struct control *c)
{
	if (!c)
		return;
	if (c->path) {
		for (size_t i = 0; i < CONTROL_CONNECTIONS; i++)
			connection_end(&c->connections[i]);
		unlink(c->path);
		close(c->fd);
		close(c->epoll);
	}
	free(c->path);
	free(c);
}

int control_fd(const struct control *c)
{
	return c->epoll;
}

static void connection_begin(struct control *c)
{
	struct epoll_event event = { .events = EPOLLIN };
	int fd = accept4(c->fd, NULL, NULL, SOCK_CLOEXEC | SOCK_NONBLOCK);
	size_t i = 0;

	if (fd < 0)
		return;
	while (i < CONTROL_CONNECTIONS && c->connections[i].fd >= 0)
		i++;
	event.data.u32 = i;
	if (i == CONTROL_CONNECTIONS || epoll_ctl(c->epoll, EPOLL_CTL_ADD, fd, &event)) {
		close(fd);
		return;
	}
	c->connections[i].fd = fd;
	c->connections[i].n = c->connections[i].sent = 0;
	out_init(&c->connections[i].answer, -1);
}

/* Sends what waits, and asks to be told when the rest can go. False: the connection is over. */
static bool answer_send(struct control *c, struct connection *x)
{
	struct epoll_event event = { .events = EPOLLIN, .data.u32 = x - c->connections };

	while (x->sent < x->answer.n) {
		ssize_t n = send(x->fd, x->answer.data + x->sent, x->answer.n - x->sent,
				 MSG_NOSIGNAL);

		if (n < 0 && errno == EINTR)
			continue;
		if (n < 0 && errno != EAGAIN)
			return false;
		if (n < 0)
			break;
		x->sent += n;
	}
	if (x->sent == x->answer.n)
		x->sent = x->answer.n = 0;
	else
		event.events |= EPOLLOUT;
	return x->answer.n < SEND_BYTES && !epoll_ctl(c->epoll, EPOLL_CTL_MOD, x->fd, &event);
}

static bool lines_answer(struct control *c, struct connection *x)
{
	char *end;

	while ((end = memchr(x->line, '\n', x->n))) {
		*end = '\0';
		c->fn(c->arg, x->line, &x->answer);
		size_t used = end + 1 - x->line;

		memmove(x->line, end + 1, x->n - used);
		x->n -= used;
	}
	return x->answer.status == 0 && x->n < sizeof(x->line);
}

static bool connection_run(struct control *c, struct connection *x)
{
	ssize_t n = recv(x->fd, x->line + x->n, sizeof(x->line) - x->n, 0);

	if (!n || (n < 0 && errno != EAGAIN && errno != EINTR))
		return false;
	if (n > 0)
		x->n += n;
	return lines_answer(c, x) && answer_send(c, x);
}

void control_run(struct control *c)
{
	struct epoll_event events[CONTROL_CONNECTIONS + 1];
	int n = epoll_wait(c->epoll, events, CONTROL_CONNECTIONS + 1, 0);

	for (int i = 0; i < n; i++) {
		uint32_t which = events[i].data.u32;

		if (which == CONTROL_CONNECTIONS)
			connection_begin(c);
		else if (!connection_run(c, &c->connections[which]))
			connection_end(&c->connections[which]);
	}
}
