// SPDX-License-Identifier: BSD-2-Clause
/*
 * The uploader's confinement by itself: confine_driver SPOOL OUTSIDE, as root, confines itself to
 * SPOOL, then tries what it must be able to do and what it must not, a line `WHAT ERRNO` each.
 */
#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <string.h>
#include <sys/mount.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <unistd.h>

#include "user/upload/upload_confine.h"

static void tell(const char *what, int result)
{
	printf("%s %d\n", what, result < 0 ? errno : 0);
	if (result > 2)
		close(result);
}

int main(int argc, char **argv)
{
	char *const none[] = {NULL};
	struct upload_user user;
	int spool;

	if (argc != 3 || upload_user_find("", &user))
		return 2;
	spool = open(argv[1], O_RDONLY | O_DIRECTORY | O_CLOEXEC);
	if (spool < 0 || fchown(spool, -1, user.gid) || fchmod(spool, 0770) ||
	    upload_confine(&user, spool, 0))
		return 1;
	setvbuf(stdout, NULL, _IONBF, 0);
	tell("make", openat(spool, "mine", O_WRONLY | O_CREAT | O_EXCL, 0600));
	tell("read", openat(spool, "mine", O_RDONLY));
	tell("move", renameat(spool, "mine", spool, "rejected/mine"));
	tell("remove", unlinkat(spool, "rejected/mine", 0));
	tell("socket", socket(AF_INET, SOCK_STREAM, 0));
	tell("hosts", open("/etc/hosts", O_RDONLY));
	tell("outside", open(argv[2], O_RDONLY));
	tell("passwd", open("/etc/passwd", O_RDONLY));
	tell("create", open("/tmp/backdraft-confined", O_WRONLY | O_CREAT, 0600));
	tell("link", symlinkat("/etc/passwd", spool, "link"));
	tell("run", execve("/bin/true", none, none));
	tell("mount", mount("x", "/mnt", "tmpfs", 0, NULL));
	tell("root", setuid(0));
	return 0;
}
