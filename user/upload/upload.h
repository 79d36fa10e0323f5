/* SPDX-License-Identifier: BSD-2-Clause */
/* The uploader as a process: by hand, or as the daemon's child. */
#ifndef BD_UPLOAD_H
#define BD_UPLOAD_H

/* The verb of /proc/self/exe that is the daemon's child: UPLOAD_VERB CONFIG. Not a verb for people. */
#define UPLOAD_VERB "__upload"
int upload_child_main(int argc, char **argv);

#endif
