// SPDX-License-Identifier: BSD-2-Clause
/* Both ends of the daemon's socket: any bytes as an answer and as a request. */
#include <stdlib.h>

#include "user/lib/base/out.h"
#include "user/lib/status/status.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	char error[STATUS_ERROR_BYTES];
	struct status_request request;
	struct status s, back;

	status_request_read((const char *)data, size, &request, error);
	if (status_read((const char *)data, size, &s, error))
		return 0;
	struct out out;

	out_init(&out, -1);
	status_write(&s, &out);
	/* What was read can be written, and read again. */
	if (status_read(out.data, out.n, &back, error))
		abort();
	status_release(&back);
	status_release(&s);
	out_release(&out);
	return 0;
}
