/* SPDX-License-Identifier: BSD-2-Clause */
/* The uploader as a process: by hand, or as the daemon's child. */
#ifndef BD_UPLOAD_H
#define BD_UPLOAD_H

/* The verb of /proc/self/exe that is the daemon's child: UPLOAD_VERB CONFIG PID, with the pid of the
 * daemon, without which it doesn't go on. Not a verb for people. */
#define UPLOAD_VERB "__upload"
int upload_child_main(int argc, char **argv);

#endif
