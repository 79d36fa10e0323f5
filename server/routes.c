// SPDX-License-Identifier: BSD-2-Clause
#include <stdio.h>
#include <string.h>

#include "server/request.h"

static const struct route routes[] = {
	{"POST", "/v1/reports", TOKEN_INGEST, true, run_post_reports},
	{"POST", "/v1/heartbeats", TOKEN_INGEST, true, run_post_heartbeats},
	{"GET", "/v1/reports", TOKEN_READ, false, run_get_reports},
	{"GET", "/v1/reports/{id}", TOKEN_READ, false, run_get_report},
	{"GET", "/v1/hosts", TOKEN_READ, false, run_get_hosts},
	{"DELETE", "/v1/reports/{id}", TOKEN_ADMIN, false, run_delete_report},
	{"GET", "/v1/reports/{id}/export", TOKEN_READ, false, run_export},
	{"GET", "/metrics", TOKEN_READ, false, run_metrics},
	{"GET", "/healthz", 0, false, run_healthz},
	{"GET", "/readyz", 0, false, run_readyz},
};
#define N_ROUTES (sizeof(routes) / sizeof(routes[0]))

/* Byte for byte: no path here has anything to decode, so what is escaped is something else. */
static bool matches(const char *pattern, const char *path, uint8_t *id)
{
	const char *brace = strchr(pattern, '{');
	size_t before = brace ? (size_t)(brace - pattern) : strlen(pattern);

	if (!brace)
		return !strcmp(pattern, path);
	return !strncmp(pattern, path, before) &&
	       params_id(path + before, strcspn(path + before, "/"), id) &&
	       !strcmp(brace + strlen("{id}"), path + before + 32);
}

const struct route *route_find(const char *method, const char *path,
			       uint8_t ret_id[REPORT_ID_BYTES], unsigned int *ret_status)
{
	bool known = false;

	if (!strcmp(method, "HEAD"))
		method = "GET";
	for (size_t i = 0; i < N_ROUTES; i++) {
		if (!matches(routes[i].path, path, ret_id))
			continue;
		if (!strcmp(routes[i].method, method))
			return &routes[i];
		known = true;
	}
	*ret_status = known ? 405 : 404;
	return NULL;
}

void route_methods(const char *path, char *ret, size_t bytes)
{
	uint8_t id[REPORT_ID_BYTES];
	size_t n = 0;

	*ret = '\0';
	for (size_t i = 0; i < N_ROUTES && n < bytes; i++)
		if (matches(routes[i].path, path, id))
			n += snprintf(ret + n, bytes - n, "%s%s", n ? ", " : "", routes[i].method);
}
