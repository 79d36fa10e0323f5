// SPDX-License-Identifier: BSD-2-Clause
/* Any target of a request: its path, its query string, and what both kinds of query make of that.
 */
#include <stdint.h>
#include <stdlib.h>
#include <string.h>

#include "server/params.h"
#include "server/request.h"
#include "user/lib/base/utf8.h"
#include "user/lib/view/view.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

static void must(int holds)
{
	if (!holds)
		abort();
}

static void check_params(const char *query)
{
	char error[PARAMS_ERROR_BYTES] = "";
	struct store_query q;
	struct view_options view;
	struct query_params p;

	if (params_parse(query, 4096, &p, error)) {
		must(*error);
		return;
	}
	for (size_t i = 0; i < p.n; i++)
		must(utf8_is_clean(p.name[i], strlen(p.name[i])) &&
		     utf8_is_clean(p.value[i], strlen(p.value[i])));
	if (!params_query(&p, 1000, &q, error))
		must(q.limit >= 1 && q.limit <= 1000 && q.since_ns >= 0 && q.until_ns >= 0);
	if (!params_view(&p, &view, error))
		must(view.from_s >= 0 && view.to_s >= 0 && view.pid >= 0);
	params_release(&p);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	char *text = malloc(size + 1), *mark;
	uint8_t id[REPORT_ID_BYTES];
	unsigned int status = 0;

	must(text != NULL);
	memcpy(text, data, size);
	text[size] = '\0';
	mark = strchr(text, '?');
	if (mark)
		*mark++ = '\0';
	must(!route_find("GET", text, id, &status) == (status == 404 || status == 405));
	check_params(mark ? mark : text);
	free(text);
	return 0;
}
