// SPDX-License-Identifier: BSD-2-Clause
/* Any bytes as heartbeats. What is accepted must come back the same after it has been written. */
#include <stdint.h>
#include <stdlib.h>

#include "tests/unit/fill.h"
#include "user/lib/profile/heartbeat.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

static void must(int holds)
{
	if (!holds)
		abort();
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	struct heartbeats h, back;
	char error[CODEC_ERROR_BYTES];
	struct out out;

	if (heartbeats_decode(data, size, NULL, &h, error)) {
		must(*error);
		return 0;
	}
	out_init(&out, -1);
	must(!heartbeats_encode(&h, out_callback, &out));
	must(!heartbeats_decode(out.data, out.n, NULL, &back, error));
	must(!fill_differs(&wire_heartbeats, &h, &back));
	heartbeats_release(&back);
	out_release(&out);
	out_init(&out, -1);
	heartbeats_json(&h, &out);
	out_release(&out);
	heartbeats_release(&h);
	return 0;
}
