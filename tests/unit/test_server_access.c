// SPDX-License-Identifier: BSD-2-Clause
/* Tokens, rates, query strings, paths and the configuration of the receiver. */
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <setjmp.h>
#include <cmocka.h>
#include <errno.h>
#include <fcntl.h>
#include <sys/stat.h>
#include <unistd.h>

#include "server/access.h"
#include "server/params.h"
#include "server/rate.h"
#include "server/request.h"
#include "server_world.h"
#include "user/lib/view/view.h"

static void test_tokens(void **state)
{
	char text[TOKEN_TEXT_BYTES], other[TOKEN_TEXT_BYTES], error[TOKENS_ERROR_BYTES];
	char path[128], file[4096] = "";
	struct tokens t;
	struct world w;
	struct stat st;
	int fd;

	world_init(&w);
	assert_int_equal(tokens_read(w.directory, &t, error), 0);
	assert_int_equal(t.n, 0);
	assert_int_equal(tokens_create(w.directory, "a", TOKEN_INGEST, text, error), 0);
	assert_int_equal(tokens_create(w.directory, "b", TOKEN_READ | TOKEN_ADMIN, other, error),
			 0);
	assert_int_equal(tokens_create(w.directory, "a", TOKEN_READ, other, error), -EEXIST);
	assert_int_equal(tokens_create(w.directory, "no blanks", TOKEN_READ, other, error),
			 -EINVAL);
	assert_string_not_equal(text, other);
	assert_int_equal(strlen(text), 3 + 64);
	snprintf(path, sizeof(path), "%s/" TOKENS_FILE, w.directory);
	assert_int_equal(stat(path, &st), 0);
	assert_int_equal(st.st_mode & 0777, 0600);
	fd = open(path, O_RDONLY);
	assert_true(read(fd, file, sizeof(file) - 1) > 0);
	close(fd);
	assert_null(strstr(file, text + 3));
	assert_int_equal(tokens_read(w.directory, &t, error), 0);
	assert_int_equal(t.n, 2);
	assert_string_equal(tokens_find(&t, text)->name, "a");
	assert_int_equal(tokens_find(&t, text)->scopes, TOKEN_INGEST);
	assert_int_equal(tokens_find(&t, other)->scopes, TOKEN_READ | TOKEN_ADMIN);
	text[66] ^= 1;
	assert_null(tokens_find(&t, text));
	assert_null(tokens_find(&t, ""));
	tokens_release(&t);
	assert_int_equal(tokens_revoke(w.directory, "c", error), -ENOENT);
	assert_int_equal(tokens_revoke(w.directory, "a", error), 0);
	assert_int_equal(tokens_read(w.directory, &t, error), 0);
	assert_int_equal(t.n, 1);
	assert_string_equal(t.token[0].name, "b");
	tokens_release(&t);
	world_release(&w);
}

static void test_access(void **state)
{
	char text[TOKEN_TEXT_BYTES], error[TOKENS_ERROR_BYTES], bearer[TOKEN_TEXT_BYTES + 8];
	struct access *a;
	struct world w;

	world_init(&w);
	assert_int_equal(access_new(w.directory, true, 10, &a, error), 0);
	assert_int_equal(access_ask(a, NULL, TOKEN_READ), ACCESS_OPEN);
	assert_int_equal(tokens_create(w.directory, "a", TOKEN_INGEST, text, error), 0);
	access_reload(a);
	snprintf(bearer, sizeof(bearer), "Bearer %s", text);
	assert_int_equal(access_ask(a, NULL, TOKEN_READ), ACCESS_NO_TOKEN);
	assert_int_equal(access_ask(a, bearer, TOKEN_READ), ACCESS_NO_SCOPE);
	assert_int_equal(access_ask(a, bearer, TOKEN_INGEST), ACCESS_GRANTED);
	assert_int_equal(access_ask(a, bearer + 1, TOKEN_INGEST), ACCESS_WRONG_TOKEN);
	assert_int_equal(access_ask(a, "Bearer ", TOKEN_INGEST), ACCESS_WRONG_TOKEN);
	for (int i = 0; i < 25; i++)
		access_ask(a, bearer, TOKEN_INGEST);
	assert_int_equal(access_ask(a, bearer, TOKEN_INGEST), ACCESS_TOO_OFTEN);
	/* Without any token left it does not fall open again. */
	assert_int_equal(tokens_revoke(w.directory, "a", error), 0);
	access_reload(a);
	assert_int_equal(access_ask(a, bearer, TOKEN_INGEST), ACCESS_WRONG_TOKEN);
	assert_int_equal(access_ask(a, NULL, TOKEN_INGEST), ACCESS_NO_TOKEN);
	access_free(a);
	world_release(&w);
}

static void test_rate(void **state)
{
	struct rate r = {0};
	int taken = 0;

	for (int i = 0; i < 1000; i++)
		taken += rate_take(&r, 100, 5000);
	assert_int_equal(taken, 200);
	for (int i = 0; i < 1000; i++)
		taken += rate_take(&r, 100, 5100);
	assert_int_equal(taken, 210);
	/* A clock that jumps back gives nothing. */
	assert_false(rate_take(&r, 100, 100));
	for (int i = 0; i < 1000; i++)
		taken += rate_take(&r, 100, 1000000);
	assert_int_equal(taken, 410);
}

static void test_params(void **state)
{
	static const struct {
		const char *query;
		int err;
		const char *client;
	} cases[] = {
		{NULL, 0, NULL},
		{"", 0, NULL},
		{"client=a%20b+c", 0, "a b c"},
		{"client=%C3%A9", 0, "\xc3\xa9"},
		{"client", 0, ""},
		{"&&client=a&", 0, "a"},
		{"client=a&client=b", -EINVAL, NULL},
		{"client=%00", -EINVAL, NULL},
		{"client=%0a", -EINVAL, NULL},
		{"client=%ff", -EINVAL, NULL},
		{"client=%", -EINVAL, NULL},
		{"client=%4", -EINVAL, NULL},
		{"client=%zz", -EINVAL, NULL},
		{"client=\x01", -EINVAL, NULL},
		{"%63lient=a", 0, "a"},
		{"client=a=b", 0, "a=b"},
	};
	char error[PARAMS_ERROR_BYTES];
	struct query_params p;
	char *many;

	for (size_t i = 0; i < sizeof(cases) / sizeof(cases[0]); i++) {
		if (params_parse(cases[i].query, 4096, &p, error) != cases[i].err)
			fail_msg("case %zu", i);
		if (cases[i].err)
			continue;
		if (cases[i].client)
			assert_string_equal(params_get(&p, "client"), cases[i].client);
		else
			assert_null(params_get(&p, "client"));
		params_release(&p);
	}
	assert_int_equal(params_parse("client=abc", 5, &p, error), -E2BIG);
	many = calloc(1, 400);
	for (int i = 0; i < 33; i++)
		sprintf(many + strlen(many), "k%d&", i);
	assert_int_equal(params_parse(many, 4096, &p, error), -EINVAL);
	free(many);
}

static void test_query(void **state)
{
	static const struct {
		const char *query;
		int err;
		int64_t since, until;
		uint64_t limit;
	} cases[] = {
		{"", 0, 0, 0, 100},
		{"since=5&until=7&limit=3", 0, 5, 7, 3},
		{"since=2026-11-25T00:00:00Z", 0, 1795564800000000000, 0, 100},
		{"since=2026-11-25T00:00:00", -EINVAL, 0, 0, 0},
		{"since=-1", -EINVAL, 0, 0, 0},
		{"until=9223372036854775808", -EINVAL, 0, 0, 0},
		{"limit=0", -EINVAL, 0, 0, 0},
		{"limit=1001", -EINVAL, 0, 0, 0},
		{"limit=1000", 0, 0, 0, 1000},
		{"limit=1x", -EINVAL, 0, 0, 0},
		{"limit=+1", -EINVAL, 0, 0, 0},
		{"host=00", -EINVAL, 0, 0, 0},
		{"host=000102030405060708090a0b0c0d0e0f", 0, 0, 0, 100},
		{"next=5.7", 0, 0, 0, 100},
		{"next=5", -EINVAL, 0, 0, 0},
		{"next=5.0", -EINVAL, 0, 0, 0},
		{"what=1", -EINVAL, 0, 0, 0},
	};
	char error[PARAMS_ERROR_BYTES];
	struct query_params p;
	struct store_query q;

	for (size_t i = 0; i < sizeof(cases) / sizeof(cases[0]); i++) {
		assert_int_equal(params_parse(cases[i].query, 4096, &p, error), 0);
		*error = '\0';
		if (params_query(&p, 1000, &q, error) != cases[i].err)
			fail_msg("case %zu: %s", i, error);
		if (!cases[i].err) {
			assert_int_equal(q.since_ns, cases[i].since);
			assert_int_equal(q.until_ns, cases[i].until);
			assert_int_equal(q.limit, cases[i].limit);
		} else {
			assert_true(*error);
		}
		params_release(&p);
	}
}

static void test_view(void **state)
{
	static const struct {
		const char *query;
		int err;
	} cases[] = {
		{"format=svg&from=1&to=2.5&thread=a.*&pid=7&by=samples&reverse", 0},
		{"from=-1", -EINVAL},
		{"from=nan", -EINVAL},
		{"to=0", -EINVAL},
		{"to=inf", -EINVAL},
		{"pid=0", -EINVAL},
		{"by=what", -EINVAL},
		{"reverse=2", -EINVAL},
		{"client=1", 0},
		{"client=shop", -EINVAL},
		{"x", -EINVAL},
		{"reverse=0", 0},
	};
	char error[PARAMS_ERROR_BYTES];
	struct query_params p;
	struct view_options o;

	for (size_t i = 0; i < sizeof(cases) / sizeof(cases[0]); i++) {
		assert_int_equal(params_parse(cases[i].query, 4096, &p, error), 0);
		if (params_view(&p, &o, error) != cases[i].err)
			fail_msg("case %zu", i);
		if (!i) {
			assert_true(o.reverse && o.from_s == 1 && o.to_s == 2.5 && o.pid == 7);
			assert_string_equal(o.thread_re, "a.*");
			assert_int_equal(o.by, VIEW_SAMPLES);
		}
		params_release(&p);
	}
}

static void test_routes(void **state)
{
#define SOME "000102030405060708090a0b0c0d0e0f"
	static const struct {
		const char *method, *path;
		unsigned int status; /* 0: found */
	} cases[] = {
		{"POST", "/v1/reports", 0},
		{"HEAD", "/v1/reports", 0},
		{"GET", "/v1/reports/" SOME, 0},
		{"GET", "/v1/reports/" SOME "/export", 0},
		{"DELETE", "/v1/reports/" SOME, 0},
		{"DELETE", "/v1/reports", 405},
		{"PUT", "/v1/reports/" SOME, 405},
		{"get", "/v1/reports", 405},
		{"GET", "/", 404},
		{"GET", "", 404},
		{"GET", "/v1/reports/", 404},
		{"GET", "/v1//reports", 404},
		{"GET", "/v1/reports/" SOME "/", 404},
		{"GET", "/v1/reports/" SOME "0", 404},
		{"GET", "/v1/reports/..", 404},
		{"GET", "/v1/reports/%2e%2e/metrics", 404},
		{"GET", "/healthz/../metrics", 404},
		{"GET", "/healthz%00", 404},
		{"GET", "http://x/healthz", 404},
		{"GET", "/HEALTHZ", 404},
	};
	uint8_t id[REPORT_ID_BYTES];
	char methods[64];

	for (size_t i = 0; i < sizeof(cases) / sizeof(cases[0]); i++) {
		unsigned int status = 0;
		const struct route *r = route_find(cases[i].method, cases[i].path, id, &status);

		if (!r != !!cases[i].status || status != cases[i].status)
			fail_msg("%s %s: %u", cases[i].method, cases[i].path, status);
	}
	assert_int_equal(id[15], 15);
	route_methods("/v1/reports", methods, sizeof(methods));
	assert_string_equal(methods, "POST, GET");
}

static void test_config(void **state)
{
	static const struct {
		const char *text, *error; /* NULL: good */
	} cases[] = {
		{"[server]\nlisten = 127.0.0.1:1\n[limits]\nbody_bytes = 1M ; so much\n", NULL},
		{"[store]\nkeep = 7d\nkeep_bytes = 5G\n", NULL},
		{"[limits]\nbody_bytes = 1X\n", ":2: body_bytes = 1X: not allowed"},
		{"[limits]\nbody_bytes = 1\n", "1024 to"},
		{"[limits]\n\nnothing = 1\n", ":3: [limits] has no key nothing"},
		{"[other]\na = 1\n", "no such section"},
		{"[server]\nseccomp = maybe\n", "yes or no"},
		{"[server]\nnonsense\n", "neither [section] nor key = value"},
		{"[server]\n  listen = x\n", ":2: a line begins with its first letter"},
		{"[store]\nkeep = 5\n", "a time as"},
	};
	struct world w;

	world_init(&w);
	for (size_t i = 0; i < sizeof(cases) / sizeof(cases[0]); i++) {
		char path[128], error[CONFIG_ERROR_BYTES] = "";
		struct server_config c;
		FILE *file;
		int err;

		snprintf(path, sizeof(path), "%s/conf", w.directory);
		file = fopen(path, "w");
		assert_true(fputs(cases[i].text, file) >= 0 && !fclose(file));
		assert_int_equal(server_config_init(&c), 0);
		err = server_config_read(&c, path, error);
		if (!err != !cases[i].error || (err && !strstr(error, cases[i].error)))
			fail_msg("case %zu: %d %s", i, err, error);
		if (!i) {
			assert_string_equal(c.listen, "127.0.0.1:1");
			assert_int_equal(c.limits.body_bytes, 1 << 20);
		}
		if (i == 1) {
			assert_int_equal(c.keep_s, 7 * 86400);
			assert_true(c.keep_bytes == 5ull << 30);
		}
		server_config_release(&c);
	}
	world_release(&w);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_tokens), cmocka_unit_test(test_access),
		cmocka_unit_test(test_rate),   cmocka_unit_test(test_params),
		cmocka_unit_test(test_query),  cmocka_unit_test(test_view),
		cmocka_unit_test(test_routes), cmocka_unit_test(test_config),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
