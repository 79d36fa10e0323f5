/* SPDX-License-Identifier: BSD-2-Clause */
/* The options that say which part of a report is asked for: the same in every verb that has them.
 */
#ifndef BD_VIEW_ARGS_H
#define BD_VIEW_ARGS_H

#include "user/lib/view/view.h"
#include "user/common/verb.h"

enum {
	VIEW_ARG_FROM = VERB_LONG_ONLY + 100,
	VIEW_ARG_TO,
	VIEW_ARG_THREAD,
	VIEW_ARG_PID,
	VIEW_ARG_BY,
	VIEW_ARG_REVERSE,
	VIEW_ARG_CLIENT,
};

/* Rows for a table of options. */
#define VIEW_ARGS                                                                                  \
	{VIEW_ARG_FROM, "from", "T",                                                               \
	 "begin of the part to show, seconds from the window's start"},                            \
		{VIEW_ARG_TO, "to", "T", "end of the part to show"},                               \
		{VIEW_ARG_THREAD, "thread", "RE", "threads whose name matches (PCRE2)"},           \
		{VIEW_ARG_PID, "pid", "N", "threads of this process"},                             \
		{VIEW_ARG_CLIENT, "client", NULL, "threads of the client that the report is about"}, \
		{VIEW_ARG_BY, "by", "WHAT", "cpu (exact time, the default), samples, or wait"},    \
	{                                                                                          \
		VIEW_ARG_REVERSE, "reverse", NULL, "the innermost function first"                  \
	}

/* One of these options, with its argument in optarg; VERB_DONE, or VERB_WRONG_USE after saying why.
 * Texts stay the command line's. */
int view_args_parse(const char *verb, int id, struct view_options *o);

#endif
