// SPDX-License-Identifier: BSD-2-Clause
/*
 * Any body: reports and heartbeats, as MessagePack and as JSON, which the first byte chooses. What
 * is taken can be read again as what it was taken for; what is not is answered with a sentence.
 */
#include <stdint.h>
#include <stdlib.h>
#include <string.h>

#include "server/body.h"
#include "server/config.h"
#include "server/packed.h"
#include "user/lib/profile/codec.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

static uint64_t held;

static void must(int holds)
{
	if (!holds)
		abort();
}

static bool hold(void *ctx, uint64_t bytes)
{
	if (held + bytes > 64 << 20)
		return false;
	held += bytes;
	return true;
}

static void let_go(void *ctx, uint64_t bytes)
{
	must(bytes <= held);
	held -= bytes;
}

static void see_value(void *ctx, uint64_t column, uint64_t row, int64_t value)
{
	++*(uint64_t *)ctx;
}

static void check_item(const struct store_item *item)
{
	const struct digest *d = item->digest;
	char error[CODEC_ERROR_BYTES];
	uint64_t values = 0;
	struct report r;

	must(!report_decode(item->bytes, item->size, NULL, &r, error));
	must(!memcmp(r.id, d->id, sizeof(r.id)));
	must(!unpacked_series(d->series, d->series_bytes, see_value, &values));
	must(!r.series.n == !values);
	for (size_t i = 0; i < d->n_nodes; i++) {
		must(d->nodes[i].parent == DIGEST_NO_PARENT || d->nodes[i].parent < i);
		must(d->nodes[i].function < d->n_functions);
	}
	for (size_t i = 0; i < d->n_functions; i++)
		must(d->functions[i].name < d->text_bytes &&
		     d->functions[i].module < d->text_bytes);
	report_release(&r);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	static const struct body_memory memory = {hold, let_go, NULL};
	static struct server_config config;
	struct answer answer = {0};
	struct heartbeats beats;
	struct parcel parcel;
	size_t bytes;

	if (!config.listen) {
		must(!server_config_init(&config));
		config.limits.unpacked_bytes = config.limits.beats_unpacked_bytes = 4 << 20;
		config.limits.report_memory_bytes = config.limits.beats_memory_bytes = 16 << 20;
		config.limits.rows = 1 << 16;
		config.limits.functions = config.limits.stacks = 64;
	}
	if (!size)
		return 0;
	if (*data & 2) {
		if (!body_read_beats(&config.limits, &memory, *data & 1, data + 1, size - 1, &beats,
				     &bytes, &answer)) {
			must(bytes >= sizeof(beats));
			heartbeats_release(&beats);
			must(!answer.status);
		} else {
			must(answer.status >= 400 && answer.n);
		}
	} else if (!body_read(&config.limits, &memory, *data & 1, data + 1, size - 1, &parcel,
			      &answer)) {
		for (size_t i = 0; i < parcel.n; i++)
			check_item(&parcel.items[i]);
		parcel_release(&parcel);
		must(!answer.status);
	} else {
		must(answer.status >= 400 && answer.n);
	}
	must(!held);
	answer_release(&answer);
	return 0;
}
