// SPDX-License-Identifier: BSD-2-Clause
/*
 * `export -f html`: the page of user/lib/ui with the report in it, one file that needs no network.
 * The template has a line `<!-- MARK -->` where each part goes.
 */
#include "user/lib/view/export.h"
#include "user/lib/view/crash_text.h"
#include "user/lib/view/html_data.h"
#include "user/lib/view/html_page.h"
#include "user/lib/ui/ui.h"

#include <errno.h>
#include <inttypes.h>
#include <stdio.h>
#include <string.h>

struct page {
	const struct report *r;
	const struct view_options *options;
	const struct html_extra *extra; /* or NULL */
	struct out *out;
	char nonce[33];
};

static void put_part(struct page *p, const char *begin, const char *end)
{
	out_write(p->out, begin, end - begin);
}

static void put_title(struct page *p)
{
	const char *label = p->r->host.label, *client = p->r->client.name;

	out_text(p->out, "Backdraft");
	if (p->extra) {
		out_text(p->out, " \xc2\xb7 ");
		out_xml(p->out, p->extra->title);
	}
	if (client && *client) {
		out_text(p->out, " \xc2\xb7 ");
		out_xml(p->out, client);
	}
	if (label && *label) {
		out_text(p->out, " \xc2\xb7 ");
		out_xml(p->out, label);
	}
}

static void put_policy(struct page *p)
{
	out_printf(p->out,
		   "<meta http-equiv=\"Content-Security-Policy\" content=\"default-src 'none'; "
		   "script-src 'nonce-%s'; style-src 'nonce-%s'; base-uri 'none'; form-action "
		   "'none'\">\n",
		   p->nonce, p->nonce);
}

static void put_style(struct page *p)
{
	out_printf(p->out, "<style nonce=\"%s\">\n", p->nonce);
	put_part(p, ui_css, ui_css_end);
	out_text(p->out, "</style>\n");
}

/* The sentence of a crash is made in one place alone. */
static void put_crash(struct page *p)
{
	const char *kind = p->r->death.kind ? p->r->death.kind : "none";
	char words[CRASH_SENTENCE_BYTES];

	if (!p->r->dump.present || (!p->r->dump.tid && !strcmp(kind, "none")))
		return;
	crash_sentence(p->r, crash_client(p->r), words);
	out_text(p->out, ",\"crash\":{\"words\":");
	out_json(p->out, words);
	out_printf(p->out, ",\"frame\":%" PRId64 "}", crash_frame(p->r));
}

/* What was asked for on the command line is what the page shows at first. */
static void put_options(struct page *p)
{
	const struct view_options *o = p->options;

	out_text(p->out, "<script type=\"application/json\" id=\"backdraft-options\">");
	out_printf(p->out,
		   "{\"from_s\":%.9g,\"to_s\":%.9g,\"pid\":%lld,\"reverse\":%s,\"client\":%s,"
		   "\"by\":\"%s\",",
		   o->from_s, o->to_s, (long long)o->pid, o->reverse ? "true" : "false",
		   o->client ? "true" : "false",
		   o->by == VIEW_SAMPLES ? "samples"
		   : o->by == VIEW_WAIT	 ? "wait"
					 : "cpu");
	out_text(p->out, "\"thread\":");
	out_json(p->out, o->thread_re ? o->thread_re : "");
	put_crash(p);
	if (p->extra)
		p->extra->options(p->extra->ctx, p->out);
	out_text(p->out, "}</script>\n");
}

static void put_data(struct page *p)
{
	int err;

	put_options(p);
	out_text(p->out, "<script type=\"application/octet-stream\" id=\"backdraft-report\">\n");
	err = html_data_write(p->r, out_callback, p->out);
	if (err)
		out_fail(p->out, err, "the page: %s", strerror(-err));
	out_text(p->out, "\n</script>\n");
}

static void put_script(struct page *p)
{
	out_printf(p->out, "<script nonce=\"%s\">\n", p->nonce);
	put_part(p, ui_js, ui_js_end);
	out_text(p->out, "</script>\n");
}

static const struct {
	const char *mark;
	void (*put)(struct page *p);
} parts[] = {
	{"<!-- POLICY -->\n", put_policy}, {"<!-- TITLE -->", put_title},
	{"<!-- STYLE -->\n", put_style},   {"<!-- DATA -->\n", put_data},
	{"<!-- SCRIPT -->\n", put_script},
};

/* The nonce keeps any script but ours from running, if a bug ever let one in. */
static void nonce_init(struct page *p)
{
	uint64_t h = 0x9e3779b97f4a7c15u ^ (uint64_t)p->r->created_ns;

	for (int half = 0; half < 2; half++) {
		for (int i = 0; i < REPORT_ID_BYTES; i++)
			h = (h ^ p->r->id[i]) * 0xff51afd7ed558ccdu, h ^= h >> 31;
		snprintf(p->nonce + 16 * half, 17, "%016llx", (unsigned long long)h);
	}
}

/* The page does the filtering itself; whether it can be done at all is said here, as it is for the
 * other formats. */
static int check_options(const struct report *r, const struct view_options *o, struct out *out)
{
	struct view view;
	int status;

	if (!o->from_s && !o->to_s && !o->thread_re && !o->client && o->by != VIEW_OFF_CPU)
		return 0;
	status = export_view(r, o, out, &view);
	if (!status)
		view_release(&view);
	return status;
}

int html_page(const struct report *r, const struct view_options *options,
	      const struct html_extra *extra, struct out *out)
{
	struct page p = {.r = r, .options = options, .extra = extra, .out = out};
	const char *at = ui_html;

	nonce_init(&p);
	for (size_t i = 0; i < sizeof(parts) / sizeof(*parts); i++) {
		const char *mark = strstr(at, parts[i].mark);

		if (!mark)
			return out_fail(out, -EINVAL, "the page has no %s", parts[i].mark);
		put_part(&p, at, mark);
		parts[i].put(&p);
		at = mark + strlen(parts[i].mark);
	}
	put_part(&p, at, ui_html_end);
	return out->status;
}

static int write_html(const struct report *r, const struct view_options *options, struct out *out)
{
	if (check_options(r, options, out))
		return out->status;
	return html_page(r, options, NULL, out);
}

const struct export_format export_html = {
	.name = "html",
	.extension = "html",
	.description = "an interactive flame graph in one file, for a browser",
	.write = write_html,
};
