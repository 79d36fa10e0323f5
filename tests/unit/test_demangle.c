// SPDX-License-Identifier: BSD-2-Clause
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>

#include <cmocka.h>

#include "user/lib/symbols/demangle.h"
#include "user/lib/symbols/symbol_text.h"

static const struct {
	const char *mangled, *readable; /* NULL: as it is */
} cases[] = {
	/* C */
	{"main", NULL},
	{"", NULL},
	{"_", NULL},
	{"_start", NULL},
	{"__libc_start_main", NULL},
	{"_Z", NULL},
	{"_ZZZZZ", NULL},
	/* C++: no parameters, no return type, template arguments kept */
	{"_Z4burnid", "burn"},
	{"_ZN8database5Table4scanERKNS_3RowE", "database::Table::scan"},
	{"_ZSt4moveIRiEONSt16remove_referenceIT_E4typeEOS2_", "std::move<int&>"},
	{"_ZNSt6vectorIiSaIiEE9push_backERKi", "std::vector<int, std::allocator<int> >::push_back"},
	{"_ZZ4mainENKUlvE_clEv", "main::{lambda()#1}::operator()"},
	{"_ZN3FooC1Ev", "Foo::Foo"},
	{"_ZN3FooD2Ev", "Foo::~Foo"},
	{"_ZThn16_N7Derived3runEv", "non-virtual thunk to Derived::run()"},
	{"_ZN12_GLOBAL__N_14workEv", "(anonymous namespace)::work"},
	/* clones */
	{"_Z4burnid.cold", "burn"},
	{"_ZL4burni.isra.0", "burn"},
	{"foo.constprop.0", "foo"},
	{"foo.isra.0.part.12.cold", "foo"},
	{"foo.cold.isra.0", "foo"},
	{"foo.llvm.1234567890", "foo"},
	{"foo.lto_priv.1", "foo"},
	{"main.coldstart", NULL},
	{"main.part.two", NULL},
	{"runtime.mallocgc", NULL},
	{".cold", NULL},
	/* Rust, legacy: without its hash */
	{"_ZN4core3fmt9Formatter3pad17h0123456789abcdefE", "core::fmt::Formatter::pad"},
	{"_ZN71_$LT$Test$u20$$u2b$$u20$$u27$static$u20$as$u20$foo..Bar$LT$Test$GT$$GT$"
	 "3bar17h930b740aa94f1d3aE",
	 "<Test + 'static as foo::Bar<Test>>::bar"},
	/* Rust, v0 */
	{"_RNvCs1234_7mycrate3foo", "mycrate::foo"},
	{"_RNvMs_NtCs1234_7mycrate3modNtB4_3Foo3run", "<mycrate::mod::Foo>::run"},
};

static void names(void **state)
{
	char buf[512];

	for (size_t i = 0; i < sizeof(cases) / sizeof(cases[0]); i++) {
		int n = demangle(cases[i].mangled, buf, sizeof(buf));

		if (!cases[i].readable) {
			if (n != 0)
				print_error("%s became %s\n", cases[i].mangled, buf);
			assert_int_equal(n, 0);
			continue;
		}
		if (n == 0 || strcmp(buf, cases[i].readable) != 0)
			print_error("%s became %s\n", cases[i].mangled, n ? buf : "(nothing)");
		assert_int_equal(n, strlen(cases[i].readable));
		assert_string_equal(buf, cases[i].readable);
	}
}

static void too_small_a_buffer_is_no_name(void **state)
{
	char buf[8];

	assert_int_equal(demangle("_Z4burnid", buf, 5), 4);
	assert_string_equal(buf, "burn");
	assert_int_equal(demangle("_Z4burnid", buf, 4), 0);
	assert_int_equal(demangle("_Z4burnid", buf, 0), 0);
}

/* f<T<A, A>, T<T<A, A>, T<A, A> >, …>: each argument is twice the one before. 300 bytes stand for
 * gigabytes. */
static void a_bomb_goes_off_in_a_box(void **state)
{
	static const char digits[] = "0123456789ABCDEFGHIJKLMNOPQRSTUVWXYZ";
	char name[1024] = "_Z1fI1TI1AS1_E", buf[DEMANGLE_OUTPUT_MAX + 1];
	struct timespec begin, end;
	size_t len = strlen(name);

	for (int i = 2; i < 33; i++)
		len += (size_t)snprintf(name + len, sizeof(name) - len, "S0_IS%c_S%c_E", digits[i],
					digits[i]);
	snprintf(name + len, sizeof(name) - len, "Evv");
	clock_gettime(CLOCK_MONOTONIC, &begin);
	assert_int_equal(demangle(name, buf, sizeof(buf)), 0);
	clock_gettime(CLOCK_MONOTONIC, &end);
	assert_in_range(end.tv_sec - begin.tv_sec, 0, 1);
	/* A small one of the kind is a name. */
	assert_int_equal(demangle("_Z1fI1TI1AS1_ES0_IS2_S2_EEvv", buf, sizeof(buf)), 33);
	assert_string_equal(buf, "f<T<A, A>, T<T<A, A>, T<A, A> > >");
}

static void long_and_deep_names_stay_as_they_are(void **state)
{
	char buf[256];
	char *name = malloc(2u << 20);

	memset(name, 'P', 2u << 20);
	memcpy(name, "_Z1f", 4);
	name[(2u << 20) - 1] = '\0';
	assert_int_equal(demangle(name, buf, sizeof(buf)), 0);
	name[DEMANGLE_INPUT_MAX] = '\0';
	assert_in_range(demangle(name, buf, sizeof(buf)), 0, sizeof(buf));
	memset(name + 4, 'X', 2000);
	assert_in_range(demangle(name, buf, sizeof(buf)), 0, sizeof(buf));
	free(name);
}

static void texts(void **state)
{
	static const struct {
		const char *text, *clean;
	} rows[] = {
		{"plain", "plain"},
		{"na\xc3\xafve \xe6\xbc\xa2 \xf0\x9f\x94\xa5",
		 "na\xc3\xafve \xe6\xbc\xa2 \xf0\x9f\x94\xa5"},
		{"red\x1b[31m", "red?[31m"},
		{"a\nb\tc\x7f", "a?b?c?"},
		{"c1\xc2\x9b.", "c1??."},
		{"cut\xe6\xbc", "cut??"},
		{"over\xc0\xaflong", "over??long"},
		{"surrogate\xed\xa0\x80", "surrogate???"},
	};
	char buf[64];

	for (size_t i = 0; i < sizeof(rows) / sizeof(rows[0]); i++) {
		size_t len = strlen(rows[i].text);

		strcpy(buf, rows[i].text);
		symbol_text_clean(buf, len);
		assert_string_equal(buf, rows[i].clean);
		assert_true(symbol_text_valid(buf, len));
		assert_int_equal(symbol_text_valid(rows[i].text, len),
				 strcmp(rows[i].text, rows[i].clean) == 0);
	}
	assert_false(symbol_text_valid("a\0b", 3));
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(names),
		cmocka_unit_test(too_small_a_buffer_is_no_name),
		cmocka_unit_test(a_bomb_goes_off_in_a_box),
		cmocka_unit_test(long_and_deep_names_stay_as_they_are),
		cmocka_unit_test(texts),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
