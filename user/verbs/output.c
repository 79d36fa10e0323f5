// SPDX-License-Identifier: BSD-2-Clause
#include "user/verbs/output.h"

#include <errno.h>
#include <string.h>

#include "user/verbs/outfile.h"
#include "user/common/verb.h"

int output_write(const char *name, int (*write)(void *ctx, struct out *out), void *ctx)
{
	const char *to = name ? name : "-";
	char error[OUTFILE_ERROR_BYTES];
	struct outfile file;
	struct out out;
	int status;

	status = outfile_open(&file, to, error);
	if (status) {
		verb_error("%s", error);
		return VERB_FAILED;
	}
	out_init(&out, file.fd);
	status = write(ctx, &out);
	if (!status)
		status = out_finish(&out);
	if (status) {
		verb_error("%s: %s", strcmp(to, "-") ? to : "standard output", out.error);
		outfile_abort(&file);
	} else if ((status = outfile_commit(&file, error))) {
		verb_error("%s", error);
	}
	out_release(&out);
	if (!status)
		return VERB_DONE;
	return status == -EINVAL || status == -ENODATA ? VERB_WRONG_USE : VERB_FAILED;
}
