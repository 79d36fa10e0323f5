// SPDX-License-Identifier: BSD-2-Clause
/* backdraft schema: the fields of a report. */
#include <getopt.h>
#include <stdbool.h>
#include <stddef.h>
#include <unistd.h>

#include "user/lib/profile/schema.h"
#include "user/common/verb.h"

const struct verb_option verb_schema_options[] = {
	{VERB_LONG_ONLY, "json", NULL, "as JSON"},
	{0},
};

int verb_schema(int argc, char **argv)
{
	bool json = false;
	struct out out;
	int id, status;

	while ((id = verb_getopt(verb_schema_options, argc, argv)) != -1) {
		if (id == '?')
			return VERB_WRONG_USE;
		json = true;
	}
	if (optind < argc)
		return verb_usage("schema", "takes no '%s'", argv[optind]);
	out_init(&out, STDOUT_FILENO);
	(json ? schema_json : schema_text)(&out);
	status = out_finish(&out);
	if (status)
		verb_error("standard output: %s", out.error);
	out_release(&out);
	return status ? VERB_FAILED : VERB_DONE;
}
