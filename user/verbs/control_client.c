// SPDX-License-Identifier: BSD-2-Clause
#include "user/verbs/control_client.h"

#include <errno.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <sys/time.h>
#include <sys/un.h>
#include <unistd.h>

#include "user/common/config_file.h"
#include "user/lib/config/config.h"
#include "user/common/verb.h"

#define READ_BYTES 65536

/* Without a file the daemon has the defaults too. */
static int read_config(const char *path, struct config *ret)
{
	if (path || !access(CONFIG_FILE_DEFAULT, F_OK))
		return config_file_read(path ? path : CONFIG_FILE_DEFAULT, ret);
	if (!config_defaults(ret))
		return VERB_DONE;
	verb_error("out of memory");
	return VERB_FAILED;
}

static int say_no_daemon(const char *path, int err)
{
	if (err == EACCES || err == EPERM)
		verb_error("%s: %s; root and the group of the socket may ask", path, strerror(err));
	else if (err == ENOENT || err == ECONNREFUSED)
		verb_error("%s: no daemon answers; is `backdraft watch` running?", path);
	else
		verb_error("%s: %s", path, strerror(err));
	return VERB_FAILED;
}

static int connect_to(struct control_client *c)
{
	const struct timeval limit = {.tv_sec = CONTROL_CLIENT_TIMEOUT_S};
	struct sockaddr_un address = {.sun_family = AF_UNIX};

	if (strlen(c->path) >= sizeof(address.sun_path))
		return say_no_daemon(c->path, ENAMETOOLONG);
	strcpy(address.sun_path, c->path);
	c->fd = socket(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC, 0);
	if (c->fd < 0 || setsockopt(c->fd, SOL_SOCKET, SO_RCVTIMEO, &limit, sizeof(limit)) ||
	    setsockopt(c->fd, SOL_SOCKET, SO_SNDTIMEO, &limit, sizeof(limit)) ||
	    connect(c->fd, (const struct sockaddr *)&address, sizeof(address)))
		return say_no_daemon(c->path, errno);
	return VERB_DONE;
}

int control_client_open(const char *config, struct control_client *ret)
{
	struct control_client c = {.fd = -1};
	struct config parsed;
	int status = read_config(config, &parsed);

	if (status)
		return status;
	c.path = strdup(parsed.agent.socket);
	config_release(&parsed);
	out_init(&c.buffer, -1);
	status = c.path ? connect_to(&c) : VERB_FAILED;
	if (status)
		control_client_close(&c);
	else
		*ret = c;
	return status;
}

void control_client_close(struct control_client *c)
{
	if (c->fd >= 0)
		close(c->fd);
	free(c->path);
	out_release(&c->buffer);
	c->fd = -1;
	c->path = NULL;
}

static int send_all(struct control_client *c, const char *data, size_t n)
{
	while (n) {
		ssize_t sent = send(c->fd, data, n, MSG_NOSIGNAL);

		if (sent < 0 && errno == EINTR)
			continue;
		if (sent < 0)
			return -errno;
		data += sent;
		n -= sent;
	}
	return 0;
}

/* Until there is a line that is not empty. */
static int read_line(struct control_client *c, const char **ret_line, size_t *ret_len)
{
	char data[READ_BYTES];
	size_t seen = 0;

	for (;;) {
		char *end = c->buffer.n > seen
				    ? memchr(c->buffer.data + seen, '\n', c->buffer.n - seen)
				    : NULL;
		ssize_t n;

		if (end && end != c->buffer.data) {
			*ret_line = c->buffer.data;
			*ret_len = end - c->buffer.data;
			return 0;
		}
		if (end) {
			memmove(c->buffer.data, end + 1, --c->buffer.n);
			continue;
		}
		seen = c->buffer.n;
		n = recv(c->fd, data, sizeof(data), 0);
		if (n < 0 && errno == EINTR)
			continue;
		if (n <= 0)
			return n ? -errno : -EPIPE;
		if (c->buffer.n + n > STATUS_ANSWER_MAX)
			return -EMSGSIZE;
		out_write(&c->buffer, data, n);
		if (c->buffer.status)
			return c->buffer.status;
	}
}

int control_client_ask(struct control_client *c, const struct status_request *request,
		       const char **ret_line, size_t *ret_len)
{
	struct out line;
	int err;

	/* An answer is all that can be waiting, and it has been read. */
	c->buffer.n = 0;
	out_init(&line, -1);
	status_request_write(request, &line);
	err = line.status ? line.status : send_all(c, line.data, line.n);
	out_release(&line);
	if (!err)
		err = read_line(c, ret_line, ret_len);
	if (err == -EAGAIN)
		verb_error("%s: the daemon did not answer within %d s", c->path,
			   CONTROL_CLIENT_TIMEOUT_S);
	else if (err == -EPIPE || err == -ECONNRESET)
		verb_error("%s: the daemon ended, or did not want to answer", c->path);
	else if (err)
		verb_error("%s: %s", c->path, strerror(-err));
	return err ? VERB_FAILED : VERB_DONE;
}

int control_client_status(struct control_client *c, enum status_verb verb, struct status *ret)
{
	const struct status_request request = {.verb = verb};
	char error[STATUS_ERROR_BYTES];
	const char *line;
	size_t len;
	int status = control_client_ask(c, &request, &line, &len);

	if (status || !status_read(line, len, ret, error))
		return status;
	verb_error("%s: %s", c->path, error);
	return VERB_FAILED;
}
