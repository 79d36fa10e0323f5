// SPDX-License-Identifier: BSD-2-Clause
#include "user/verbs/command.h"

#include <errno.h>
#include <fcntl.h>
#include <grp.h>
#include <pwd.h>
#include <signal.h>
#include <stdlib.h>
#include <string.h>
#include <sys/resource.h>
#include <sys/wait.h>
#include <unistd.h>

#include "user/common/clock.h"
#include "user/verbs/invoker.h"

/* Back to the user who asked for root, with that user's groups and home. */
static int become_invoker(void)
{
	uid_t uid;
	gid_t gid;

	if (!invoker_find(&uid, &gid))
		return 0;
	struct passwd *user = getpwuid(uid);

	if (user ? initgroups(user->pw_name, gid) : setgroups(1, &gid))
		return -errno;
	if (setgid(gid) || setuid(uid))
		return -errno;
	if (user) {
		setenv("HOME", user->pw_dir, 1);
		setenv("USER", user->pw_name, 1);
		setenv("LOGNAME", user->pw_name, 1);
		setenv("SHELL", user->pw_shell, 1);
	}
	return 0;
}

static _Noreturn void child(int go, int failed, char **argv, int nice)
{
	char byte;
	sigset_t none;
	int err;

	setpriority(PRIO_PROCESS, 0, nice);
	sigemptyset(&none);
	sigprocmask(SIG_SETMASK, &none, NULL);
	/* End of file without a byte: the recorder gave up. */
	if (read(go, &byte, 1) != 1)
		_exit(127);
	err = -become_invoker();
	if (!err) {
		execvp(argv[0], argv);
		err = errno;
	}
	if (write(failed, &err, sizeof(err)) != sizeof(err))
		_exit(126);
	_exit(127);
}

int command_start(struct command *c, char **argv, int nice)
{
	int go[2], failed[2];
	const char *slash = strrchr(argv[0], '/');

	*c = (struct command){ .go = -1, .failed = -1, .name = slash ? slash + 1 : argv[0] };
	if (pipe2(go, O_CLOEXEC))
		return -errno;
	if (pipe2(failed, O_CLOEXEC)) {
		int err = -errno;

		close(go[0]);
		close(go[1]);
		return err;
	}
	c->pid = fork();
	if (!c->pid) {
		close(go[1]);
		close(failed[0]);
		child(go[0], failed[1], argv, nice);
	}
	int err = c->pid < 0 ? -errno : 0;

	close(go[0]);
	close(failed[1]);
	c->go = go[1];
	c->failed = failed[0];
	return err;
}

int command_release(struct command *c)
{
	int err = 0;

	c->start_ns = clock_monotonic_ns();
	if (write(c->go, "", 1) != 1)
		return -errno;
	/* The exec closes the pipe; what comes before its end is an errno. */
	ssize_t n = read(c->failed, &err, sizeof(err));

	close(c->go);
	close(c->failed);
	c->go = c->failed = -1;
	if (n != sizeof(err))
		return 0;
	waitpid(c->pid, &c->status, 0);
	c->ended = true;
	return -err;
}

bool command_poll(struct command *c)
{
	if (!c->ended && waitpid(c->pid, &c->status, WNOHANG) == c->pid) {
		c->ended = true;
		c->end_ns = clock_monotonic_ns();
	}
	return c->ended;
}

int command_exit_status(const struct command *c)
{
	if (!c->ended)
		return -1;
	return WIFSIGNALED(c->status) ? 128 + WTERMSIG(c->status) : WEXITSTATUS(c->status);
}

void command_abandon(struct command *c)
{
	if (c->go >= 0) {
		close(c->go);
		close(c->failed);
		c->go = c->failed = -1;
		waitpid(c->pid, &c->status, 0);
	}
}
