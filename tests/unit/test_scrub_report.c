// SPDX-License-Identifier: BSD-2-Clause
/* A whole report without personal data: every text of wire.def, and what is shared between columns.
 */
#include "fill.h"
#include "scrub_own.h"
#include "user/lib/profile/codec.h"
#include "user/lib/base/out.h"
#include "user/lib/scrub/scrub_report.h"

#define SECRETS "annaberg at /home/carla/x by 10.1.2.3, password=hunter2 carla@example.org"

/* Every text of the report is the same one, and every REF refers to it. */
static void set_all(struct report *r, const struct wire_type *type, void *object)
{
	uint32_t ref = report_intern(r, SECRETS);

	for (int row = 0; type->table && row < 2; row++)
		assert_true(wire_add_row(type, object) >= 0);
	for (size_t i = 0; i < type->n_fields; i++) {
		const struct wire_field *f = &type->fields[i];

		if (f->kind == WIRE_STR)
			assert_int_equal(report_set(wire_at(object, f), SECRETS), 0);
		else if (f->kind == WIRE_NEST)
			set_all(r, f->type, wire_at(object, f));
		for (int row = 0; f->kind == WIRE_REF && row < 2; row++)
			((uint32_t *)wire_column(object, f))[row] = ref;
	}
}

/* What scrub_text() makes of the text with the same key. */
static void check_text(struct scrub *s, const char *map, const char *field, const char *got)
{
	const char *ret;
	size_t n;

	assert_int_equal(scrub_text(s, scrub_treatment(map, field), false, SECRETS, strlen(SECRETS),
				    &ret, &n),
			 0);
	if (strlen(got) != n || memcmp(got, ret, n))
		fail_msg("%s.%s is %s", map, field, got);
}

static void check_all(struct scrub *s, const struct report *r, const struct wire_type *type,
		      const void *object)
{
	for (size_t i = 0; i < type->n_fields; i++) {
		const struct wire_field *f = &type->fields[i];

		if (f->kind == WIRE_NEST)
			check_all(s, r, f->type, wire_at(object, f));
		else if (!strcmp(type->name, "scrub") || !strcmp(f->name, "schema"))
			continue;
		else if (f->kind == WIRE_STR)
			check_text(s, type->name, f->name, wire_column(object, f));
		for (int row = 0; f->kind == WIRE_REF && row < 2; row++) {
			uint32_t ref = ((uint32_t *)wire_column(object, f))[row];

			/* A function's name with a path in it is treated as one. */
			check_text(s, type->name,
				   !strcmp(type->name, "frames") && !strcmp(f->name, "name")
					   ? "file"
					   : f->name,
				   report_text(r, ref));
		}
	}
}

static void test_every_text(void **state)
{
	char error[200];
	struct scrub *s = own_make(0, NULL, 0);
	struct report r;

	assert_int_equal(report_init(&r), 0);
	set_all(&r, &wire_report, &r);
	assert_int_equal(report_set(&r.schema, REPORT_SCHEMA), 0);
	for (int i = 0; i < 2; i++)
		r.stacks.parent[i] = -1;
	assert_int_equal(scrub_report(s, &r), 0);
	assert_int_equal(wire_check(&wire_root_report, &r, error, sizeof(error)), 0);
	check_all(s, &r, &wire_report, &r);
	assert_string_equal(r.strings.text[0], "");
	/* A field that nobody has thought of is free text. */
	assert_int_equal(scrub_treatment("later", "field"), SCRUB_TEXT);
	report_release(&r);
	scrub_free(s);
}

/* One string in three columns; the bytes of the file hold it nowhere but as a function's name. */
static void test_shared(void **state)
{
	struct scrub *s = own_make(0, NULL, 0);
	char error[CODEC_ERROR_BYTES];
	struct report r, back;
	struct out out;

	assert_int_equal(report_init(&r), 0);
	report_threads_add(&r.threads);
	report_modules_add(&r.modules);
	for (int i = 0; i < 3; i++)
		report_frames_add(&r.frames);
	r.threads.name[0] = r.threads.process[0] = r.frames.name[0] = report_intern(&r, "annaberg");
	r.frames.name[1] = report_intern(&r, "annaberg-tool+0x1f");
	r.frames.name[2] = report_intern(&r, "LazyCompile:*run /home/carla/app.js:3");
	r.modules.path[0] = r.frames.file[0] = report_intern(&r, "/home/carla/lib.so");
	for (int i = 0; i < 3; i++)
		r.frames.module[i] = -1;
	report_intern(&r, "nobody refers to 10.1.2.3");
	assert_int_equal(scrub_report(s, &r), 0);
	out_init(&out, -1);
	assert_int_equal(report_encode(&r, out_callback, &out), 0);
	assert_int_equal(report_decode(out.data, out.n, NULL, &back, error), 0);
	for (size_t i = 0; i < back.strings.n; i++) {
		assert_null(strstr(back.strings.text[i], "carla"));
		assert_null(strstr(back.strings.text[i], "10.1.2.3"));
		if (strcmp(back.strings.text[i], "annaberg"))
			assert_null(strstr(back.strings.text[i], "annaberg"));
	}
	assert_string_equal(report_text(&back, back.frames.name[0]), "annaberg");
	assert_memory_equal(report_text(&back, back.threads.name[0]), "<user:", 6);
	assert_memory_equal(report_text(&back, back.frames.name[1]), "<user:", 6);
	assert_non_null(strstr(report_text(&back, back.frames.name[1]), ">-tool+0x1f"));
	assert_memory_equal(report_text(&back, back.modules.path[0]), "<home:", 6);
	assert_int_equal(back.modules.path[0], back.frames.file[0]);
	assert_non_null(strstr(report_text(&back, back.frames.name[2]), "LazyCompile:*run <home:"));
	report_release(&back);
	report_release(&r);
	out_release(&out);
	scrub_free(s);
}

static void add_line(struct report *r, const char *source, const char *text)
{
	int64_t row = report_logs_add(&r->logs);

	assert_true(row >= 0);
	r->logs.source[row] = report_intern(r, source);
	r->logs.text[row] = report_intern(r, text);
}

/* The lines of two logs come mixed; a key in one of them goes whole, and nothing of the other. */
static void test_key_between_lines(void **state)
{
	static const char *const expected[] = {"<token>", "b3Bl", "<token>", "b3Bl",
					       "<token>", "b3Bl", "b3Bl"};
	struct scrub *s = own_make(0, NULL, 0);
	struct report r;

	assert_int_equal(report_init(&r), 0);
	add_line(&r, "/var/log/a", "-----BEGIN PRIVATE KEY-----");
	add_line(&r, "/var/log/b", "b3Bl");
	add_line(&r, "/var/log/a", "b3Bl");
	add_line(&r, "/var/log/b", "b3Bl");
	add_line(&r, "/var/log/a", "-----END PRIVATE KEY-----");
	add_line(&r, "/var/log/a", "b3Bl");
	add_line(&r, "/var/log/b", "b3Bl");
	assert_int_equal(scrub_report(s, &r), 0);
	for (int i = 0; i < 7; i++) {
		char text[64];

		snprintf(text, sizeof(text), "%s", report_text(&r, r.logs.text[i]));
		own_plain(text, strlen(text));
		assert_string_equal(text, expected[i]);
	}
	report_release(&r);
	scrub_free(s);
}

static void test_counts(void **state)
{
	struct scrub *s = own_make(1u << SCRUB_email | 1u << SCRUB_home, NULL, 0);
	struct report r;
	struct out out;

	assert_int_equal(report_init(&r), 0);
	add_line(&r, "/home/carla/log", "10.1.2.3 to 10.1.2.4 for a@example.org");
	fill_map(&wire_report_agent, &r.agent);
	assert_int_equal(scrub_report(s, &r), 0);
	assert_true(r.scrub.present);
	assert_int_equal(r.scrub.version, SCRUB_VERSION);
	assert_int_equal(r.scrub.removed.n, 2);
	assert_string_equal(r.scrub.removed.name[0], "address");
	assert_int_equal(r.scrub.removed.count[0], 2);
	/* What a newer version wrote is not passed on: nobody here knows what it holds. */
	assert_string_equal(r.scrub.removed.name[1], "unknown field");
	assert_int_equal(r.agent.unknown.n, 0);
	assert_string_equal(r.scrub.allowed, "home email");
	assert_string_equal(report_text(&r, r.logs.source[0]), "/home/carla/log");
	out_init(&out, -1);
	scrub_write(&r, &out);
	out_char(&out, '\0');
	assert_non_null(strstr(out.data, "\naddress              2  IPv4"));
	assert_non_null(strstr(out.data, "\nemail          allowed  e-mail"));
	assert_non_null(strstr(out.data, "\ntoken                0  pass"));
	assert_non_null(strstr(out.data, "\nunknown field"));
	out_release(&out);
	/* Once more: the same texts, and nothing is counted twice. */
	char *before = strdup(report_text(&r, r.logs.text[0]));

	assert_int_equal(scrub_report(s, &r), 0);
	assert_string_equal(report_text(&r, r.logs.text[0]), before);
	assert_int_equal(r.scrub.removed.count[0], 2);
	free(before);
	report_release(&r);
	scrub_free(s);
}

static void test_not_scrubbed(void **state)
{
	struct report r;
	struct out out;

	assert_int_equal(report_init(&r), 0);
	out_init(&out, -1);
	scrub_write(&r, &out);
	out_char(&out, '\0');
	assert_memory_equal(out.data, "nothing was removed", 19);
	out_release(&out);
	report_release(&r);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_every_text),	  cmocka_unit_test(test_shared),
		cmocka_unit_test(test_key_between_lines), cmocka_unit_test(test_counts),
		cmocka_unit_test(test_not_scrubbed),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
