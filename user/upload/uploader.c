// SPDX-License-Identifier: BSD-2-Clause
#include "user/upload/uploader.h"

#include <errno.h>
#include <fcntl.h>
#include <signal.h>
#include <spawn.h>
#include <stdio.h>
#include <sys/wait.h>
#include <unistd.h>

#include "user/upload/upload.h"

/* What the daemon has blocked for its signalfd, the child is to have as a process has it. Standard
 * error stays: the child says what it has to say where the daemon does. */
static int spawn(const char *config_path, pid_t *ret)
{
	char parent[16];
	char *argv[] = { (char *)"backdraft", (char *)UPLOAD_VERB, (char *)(uintptr_t)config_path,
			 parent, NULL };
	posix_spawn_file_actions_t actions;
	posix_spawnattr_t attr;
	sigset_t none, all;
	int err;

	snprintf(parent, sizeof(parent), "%d", getpid());
	sigemptyset(&none);
	sigfillset(&all);
	if (posix_spawn_file_actions_init(&actions))
		return -ENOMEM;
	if (posix_spawnattr_init(&attr)) {
		posix_spawn_file_actions_destroy(&actions);
		return -ENOMEM;
	}
	err = posix_spawn_file_actions_addopen(&actions, 0, "/dev/null", O_RDONLY, 0);
	if (!err)
		err = posix_spawn_file_actions_addopen(&actions, 1, "/dev/null", O_WRONLY, 0);
	if (!err)
		err = posix_spawnattr_setsigmask(&attr, &none);
	if (!err)
		err = posix_spawnattr_setsigdefault(&attr, &all);
	if (!err)
		err = posix_spawnattr_setflags(&attr,
					       POSIX_SPAWN_SETSIGMASK | POSIX_SPAWN_SETSIGDEF);
	if (!err)
		err = posix_spawn(ret, "/proc/self/exe", &actions, &attr, argv, environ);
	posix_spawnattr_destroy(&attr);
	posix_spawn_file_actions_destroy(&actions);
	return -err;
}

static void reap(struct uploader *u, uint64_t now_s)
{
	if (!u->pid || waitpid(u->pid, NULL, WNOHANG) != u->pid)
		return;
	u->pid = 0;
	u->deaths++;
	if (now_s - u->started_s >= UPLOADER_LIVED_S || !u->again_s)
		u->again_s = 1;
	else
		u->again_s *= 2;
	if (u->again_s > UPLOADER_AGAIN_MOST_S)
		u->again_s = UPLOADER_AGAIN_MOST_S;
	u->next_s = now_s + u->again_s;
}

void uploader_stop(struct uploader *u)
{
	if (u->pid && !kill(u->pid, SIGKILL))
		waitpid(u->pid, NULL, 0);
	u->pid = 0;
	u->next_s = 0;
	u->again_s = 0;
}

int uploader_second(struct uploader *u, const char *config_path, bool wanted, uint64_t now_s)
{
	if (!wanted) {
		uploader_stop(u);
		return 0;
	}
	reap(u, now_s);
	if (u->pid || now_s < u->next_s)
		return 0;
	int err = spawn(config_path, &u->pid);

	u->started_s = now_s;
	if (err) {
		u->pid = 0;
		u->next_s = now_s + UPLOADER_AGAIN_MOST_S;
	}
	return err;
}
