/* SPDX-License-Identifier: BSD-2-Clause */
/* The configuration as a file. */
#ifndef BD_CONFIG_FILE_H
#define BD_CONFIG_FILE_H

#include "user/lib/config/config.h"

#define CONFIG_FILE_DEFAULT "/etc/backdraft/backdraft.conf"

/* Reads and parses it, and says everything that is wrong with verb_error(). Exit status; a config to
 * release only after VERB_DONE. */
int config_file_read(const char *path, struct config *ret);

#endif
