/* SPDX-License-Identifier: BSD-2-Clause */
/* The page of user/lib/ui with a report in it, and what else it is to show. */
#ifndef BD_HTML_PAGE_H
#define BD_HTML_PAGE_H

#include "user/lib/base/out.h"
#include "user/lib/profile/report.h"
#include "user/lib/view/view.h"

struct html_extra {
	const char *title;
	const void *ctx;
	/* Writes further members of the page's options, each as `,"name":value`. */
	void (*options)(const void *ctx, struct out *out);
};

/* 0 or the error of `out`. `extra` may be NULL. */
int html_page(const struct report *r, const struct view_options *options,
	      const struct html_extra *extra, struct out *out);

#endif
