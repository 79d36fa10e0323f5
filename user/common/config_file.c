// SPDX-License-Identifier: BSD-2-Clause
#include "user/common/config_file.h"

#include <errno.h>
#include <fcntl.h>
#include <stdlib.h>
#include <string.h>

#include "user/common/directory.h"
#include "user/common/verb.h"

#define BYTES_MAX (1 << 20)

int config_file_read(const char *path, struct config *ret)
{
	struct config_errors errors;
	void *text;
	size_t size;
	int err = directory_read(AT_FDCWD, path, BYTES_MAX, &text, &size);

	if (err) {
		verb_error("%s: %s%s", path, strerror(-err),
			   err == -ENOENT ? "; the example that comes with backdraft is "
					    "deploy/backdraft.conf" :
					    "");
		return VERB_WRONG_USE;
	}
	err = config_parse(path, text, size, ret, &errors);
	for (size_t i = 0; i < errors.n; i++)
		verb_error("%s", errors.text[i]);
	config_errors_release(&errors);
	free(text);
	return !err ? VERB_DONE : err == -EINVAL ? VERB_WRONG_USE : VERB_FAILED;
}
