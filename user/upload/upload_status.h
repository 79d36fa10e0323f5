/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * What the uploader says of itself, in the spool's file .upload: the daemon's `status`, the next
 * heartbeat and `backdraft spool` read it. Who reads it believes nothing: the writer is not root.
 */
#ifndef BD_UPLOAD_STATUS_H
#define BD_UPLOAD_STATUS_H

#include <stdbool.h>
#include <stdint.h>

#include "user/lib/upload/answer.h"

/* Times are seconds since the epoch, 0 is never; counts are since the spool was made. */
struct upload_status {
	int64_t last_success_s, last_failure_s, next_try_s;
	uint64_t sent, known, rejected, damaged, beats_sent, beats_lost;
	bool facts_wanted;
	char error[ANSWER_TEXT_BYTES]; /* why the last attempt failed; "" after a success */
};

/* 0 or -errno; where there is none, or nothing that can be read, all is 0 and -ENOENT or -EINVAL. */
int upload_status_read(int spool_fd, struct upload_status *ret);
/* Takes the place of the old one at once. It is not synced: it is of now. 0 or -errno. */
int upload_status_write(int spool_fd, const struct upload_status *s);

#endif
