// SPDX-License-Identifier: BSD-2-Clause
/* Reports that are named on the command line. */
#include <errno.h>
#include <fcntl.h>
#include <string.h>
#include <unistd.h>

#include "user/lib/profile/codec.h"
#include "user/common/verb.h"

int verb_read_report(const char *path, struct report *ret)
{
	bool standard = !strcmp(path, "-");
	char error[CODEC_ERROR_BYTES];
	int fd, status;

	if (standard && isatty(STDIN_FILENO)) {
		verb_error("standard input is a terminal: name a report, or pipe one in");
		return VERB_WRONG_USE;
	}
	fd = standard ? STDIN_FILENO : open(path, O_RDONLY | O_CLOEXEC | O_NOCTTY);
	if (fd < 0) {
		verb_error("%s: %s", path, strerror(errno));
		return VERB_WRONG_USE;
	}
	status = report_decode_fd(fd, NULL, ret, error);
	if (!standard)
		close(fd);
	if (!status)
		return VERB_DONE;
	verb_error("%s: %s", standard ? "standard input" : path, error);
	return status == -ENOMEM ? VERB_FAILED : VERB_WRONG_USE;
}
