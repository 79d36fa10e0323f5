// SPDX-License-Identifier: BSD-2-Clause
#include "tools/fleetsim.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <zlib.h>

#include "tools/synth.h"
#include "user/lib/profile/heartbeat.h"
#include "user/lib/base/out.h"
#include "user/lib/profile/wire.h"

#define GZIP_HEADER_BYTES 10
#define STORED_HEADER_BYTES 5
#define LEVEL 6
/* Enough for what comes first in a document: schema, id and time. */
#define PLAIN_BYTES_MAX 200

/* Where the value of a field begins that comes early: behind its name and a header of `skip`. */
static size_t find_value(const uint8_t *document, size_t n, const char *name, size_t skip)
{
	size_t len = strlen(name);

	for (size_t i = 1; i + len + skip < n && i < PLAIN_BYTES_MAX; i++)
		if (document[i - 1] == (0xa0 | len) && !memcmp(document + i, name, len))
			return i + len + skip;
	die(name);
}

static void put32(uint8_t *at, uint32_t value)
{
	for (int i = 0; i < 4; i++)
		at[i] = value >> 8 * i;
}

/* gzip header, a stored block with the first bytes, and the rest compressed as usual. */
void fleet_body_make(struct fleet_body *b, const uint8_t *document, size_t n, const char *id_name,
		     const char *time_name)
{
	static const uint8_t header[GZIP_HEADER_BYTES] = {0x1f, 0x8b, 8, 0, 0, 0, 0, 0, 0, 3};
	size_t id = find_value(document, n, id_name, 2);
	size_t time = time_name ? find_value(document, n, time_name, 1) : 0;
	size_t plain = time ? time + 8 : id + 16, at = 0;
	z_stream zip = {.next_in = (uint8_t *)document + plain, .avail_in = n - plain};

	memset(b, 0, sizeof(*b));
	b->data = malloc(n + 1000);
	if (!b->data || deflateInit2(&zip, LEVEL, Z_DEFLATED, -15, 9, Z_DEFAULT_STRATEGY) != Z_OK)
		die("memory");
	memcpy(b->data, header, sizeof(header));
	at = sizeof(header);
	b->data[at++] = 0;
	b->data[at++] = plain;
	b->data[at++] = plain >> 8;
	b->data[at++] = ~plain;
	b->data[at++] = ~plain >> 8;
	b->plain_at = at;
	b->plain_n = plain;
	memcpy(b->data + at, document, plain);
	b->id_at = at + id;
	b->time_at = time ? at + time : 0;
	at += plain;
	zip.next_out = b->data + at;
	zip.avail_out = n + 1000 - at - 8;
	if (deflate(&zip, Z_FINISH) != Z_STREAM_END)
		die("compressing");
	at += zip.total_out;
	deflateEnd(&zip);
	b->rest_n = n - plain;
	b->rest_crc = crc32(0, document + plain, b->rest_n);
	b->combine = crc32_combine_gen(b->rest_n);
	put32(b->data + at + 4, n);
	b->n = at + 8;
}

void fleet_body_change(struct fleet_body *b, const uint8_t id[16], int64_t t_ns)
{
	uint32_t crc;

	memcpy(b->data + b->id_at, id, 16);
	for (int i = 0; b->time_at && i < 8; i++)
		b->data[b->time_at + i] = (uint64_t)t_ns >> 8 * (7 - i);
	crc = crc32(0, b->data + b->plain_at, b->plain_n);
	put32(b->data + b->n - 8, crc32_combine_op(crc, b->rest_crc, b->combine));
}

static void pack_report(const struct report *r, struct out *out)
{
	out_init(out, -1);
	if (wire_pack(&wire_report, r, out_callback, out) || out->status)
		die("packing");
}

static void make_body(struct synth *s, uint64_t host, struct fleet_body *ret)
{
	struct out out;

	for (int i = 0; i < REPORT_ID_BYTES; i++)
		s->r.host.id[i] = mix(host + 1) >> i % 8 * 8;
	pack_report(&s->r, &out);
	fleet_body_make(ret, (uint8_t *)out.data, out.n, "id", "created_ns");
	out_release(&out);
}

/* So many samples and stacks that the body has about the size that is asked for. */
static void choose_size(const struct fleet_options *o, struct options *ret)
{
	/* The time line, 10 ms a slot, is the half of it; what is left is for samples. */
	double seconds = 60.0 * (double)o->bytes / 200000;
	uint64_t samples = 64;

	for (int i = 0; i < 12; i++) {
		struct synth s = {.o = {.seed = 1,
					.code_seed = o->seed,
					.stacks = samples / 4,
					.samples = samples,
					.threads = 8,
					.depth = 14,
					.cpus = 4,
					.seconds = seconds}};
		struct fleet_body body;

		synth_make(&s);
		make_body(&s, 0, &body);
		synth_release(&s);
		*ret = s.o;
		free(body.data);
		if (body.n > o->bytes * 98 / 100 && body.n < o->bytes * 102 / 100)
			break;
		samples = samples * o->bytes / body.n + 1;
	}
}

struct fleet_body *fleet_reports(const struct fleet_options *o)
{
	struct fleet_body *bodies = calloc(o->hosts, sizeof(*bodies));
	struct options size = {0};

	if (!bodies)
		die("memory");
	choose_size(o, &size);
	for (uint64_t i = 0; i < o->hosts; i++) {
		struct synth s = {.o = size};

		s.o.seed = mix(o->seed + i);
		synth_make(&s);
		make_body(&s, i, &bodies[i]);
		synth_release(&s);
	}
	return bodies;
}

void fleet_heartbeats(const struct fleet_options *o, int64_t t_ns, struct fleet_body *ret)
{
	static const char *const clients[] = {"checkout", "postgres", "nginx", "search"};
	struct heartbeats h;
	struct out out;

	if (heartbeats_init(&h))
		die("memory");
	memset(h.host, 1, sizeof(h.host));
	memset(h.facts_hash, 7, sizeof(h.facts_hash));
	for (uint64_t i = 0; i < o->minutes; i++) {
		int64_t row = heartbeats_beats_add(&h.beats);

		if (row < 0)
			die("memory");
		h.beats.t_ns[row] = t_ns - (int64_t)(o->minutes - 1 - i) * 60000000000;
		h.beats.seconds[row] = 60;
		h.beats.cpu_ns[row] = 180000000 + mix(o->seed + i) % 50000000;
		h.beats.bpf_ns[row] = 20000000 + mix(o->seed - i) % 5000000;
		h.beats.rss_bytes[row] = 31 << 20;
		h.beats.samples_fired[row] = 60 * 19 * 4;
		for (size_t k = 0; k < sizeof(clients) / sizeof(clients[0]); k++) {
			int64_t c = heartbeats_clients_add(&h.clients);

			if (c < 0)
				die("memory");
			h.clients.beat[c] = row;
			h.clients.name[c] = heartbeats_intern(&h, clients[k]);
			h.clients.cpu_avg_milli[c] = mix(o->seed + i * 7 + k) % 4000;
			h.clients.cpu_max_milli[c] = h.clients.cpu_avg_milli[c] * 2;
			h.clients.cpu_p50_milli[c] = h.clients.cpu_avg_milli[c];
			h.clients.cpu_p95_milli[c] = h.clients.cpu_avg_milli[c] * 3 / 2;
			h.clients.rss_kib[c] = 300000 + mix(k) % 100000;
			h.clients.threads[c] = 20 + k;
		}
	}
	out_init(&out, -1);
	if (wire_pack(&wire_heartbeats, &h, out_callback, &out) || out.status)
		die("packing");
	fleet_body_make(ret, (uint8_t *)out.data, out.n, "host", NULL);
	out_release(&out);
	heartbeats_release(&h);
}
