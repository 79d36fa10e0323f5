// SPDX-License-Identifier: BSD-2-Clause
/* GET /v1/reports/{id}/export: the formats of `backdraft export`, by the same code. */
#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "server/request.h"
#include "user/lib/profile/codec.h"
#include "user/lib/view/export.h"

static const char *type_of(const struct export_format *format)
{
	static const struct {
		const char *extension, *type;
	} types[] = {
		{"html", "text/html; charset=utf-8"}, {"svg", "image/svg+xml"},
		{"json", "application/json"},	      {"folded", "text/plain; charset=utf-8"},
		{"txt", "text/plain; charset=utf-8"},
	};

	for (size_t i = 0; i < sizeof(types) / sizeof(types[0]); i++)
		if (!strcmp(types[i].extension, format->extension))
			return types[i].type;
	return "application/octet-stream";
}

static const struct export_format *format_of(struct request *q)
{
	const char *name = params_get(&q->params, "format");
	const struct export_format *format = export_find(name ? name : "folded");
	char known[160] = "";
	size_t n = 0;

	if (format)
		return format;
	for (size_t i = 0; export_formats[i] && n < sizeof(known); i++)
		n += snprintf(known + n, sizeof(known) - n, "%s%s", i ? ", " : "",
			      export_formats[i]->name);
	answer_error(&q->answer, 400, "format=%.60s: there are %s", name, known);
	return NULL;
}

static void write_format(struct request *q, const struct export_format *format,
			 const struct view_options *view, const void *data, size_t size)
{
	char error[CODEC_ERROR_BYTES];
	struct report report;
	struct out out;
	int status;

	if (report_decode(data, size, NULL, &report, error)) {
		answer_error(&q->answer, 500, "what is stored can't be read: %s", error);
		return;
	}
	out_init(&out, -1);
	status = format->write(&report, view, &out);
	report_release(&report);
	if (!status && out.n <= q->server->config.limits.export_bytes) {
		answer_out(&q->answer, 200, type_of(format), &out);
		return;
	}
	if (!status)
		answer_error(&q->answer, 413, "the export has %zu bytes, the limit is %llu", out.n,
			     (unsigned long long)q->server->config.limits.export_bytes);
	else
		answer_error(&q->answer, status == -ENOMEM ? 503 : 400, "%s",
			     *out.error ? out.error : strerror(-status));
	out_release(&out);
}

static void export_one(struct request *q, const struct export_format *format,
		       const struct view_options *view)
{
	struct store *store = q->server->store;
	char error[STORE_ERROR_BYTES];
	size_t size;
	void *data;
	int status = store->ops->get(store, q->id, &data, &size, error);

	if (status == -ENOENT) {
		answer_error(&q->answer, 404, "there is no such report");
	} else if (status) {
		request_store_error(q, status, error);
	} else {
		write_format(q, format, view, data, size);
		free(data);
	}
}

void run_export(struct request *q)
{
	struct server *s = q->server;
	const struct export_format *format;
	char error[PARAMS_ERROR_BYTES];
	struct view_options view;

	if (params_view(&q->params, &view, error)) {
		answer_error(&q->answer, 400, "%s", error);
		return;
	}
	format = format_of(q);
	if (!format)
		return;
	/* They take the most memory and time of all requests, and must not take all threads. */
	if (atomic_fetch_add(&s->exports, 1) >= s->config.limits.exports) {
		count(&s->counters.busy, 1);
		answer_error(&q->answer, 503, "too many exports are being made");
	} else {
		export_one(q, format, &view);
	}
	atomic_fetch_sub(&s->exports, 1);
}
