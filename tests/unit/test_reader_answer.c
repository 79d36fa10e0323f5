// SPDX-License-Identifier: BSD-2-Clause
#include <errno.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

#include "user/lib/symbols/reader_proto.h"

static _Alignas(8) uint8_t packet[4096];
static size_t len;

static struct reader_answer *begin(void)
{
	struct reader_answer *a = (struct reader_answer *)(void *)packet;

	memset(packet, 0, sizeof(packet));
	*a = (struct reader_answer){.kind = READER_SYMBOLS, .serial = 7};
	len = sizeof(*a);
	return a;
}

static struct reader_record *add(uint32_t index, const char *name, const char *symbol,
				 const char *file)
{
	struct reader_record *r = (struct reader_record *)(void *)(packet + len);
	char *p = (char *)(r + 1);

	*r = (struct reader_record){.start = 0x1000,
				    .index = index,
				    .line = 3,
				    .name_len = (uint16_t)strlen(name),
				    .symbol_len = (uint16_t)strlen(symbol),
				    .file_len = (uint16_t)strlen(file)};
	p = strcpy(p, name) + r->name_len + 1;
	p = strcpy(p, symbol) + r->symbol_len + 1;
	strcpy(p, file);
	len += reader_record_bytes(r);
	((struct reader_answer *)(void *)packet)->bytes =
		(uint32_t)(len - sizeof(struct reader_answer));
	return r;
}

/* Reads all records; the number of them, or the error. */
static int read_all(uint32_t n, struct reader_frame *frames)
{
	const struct reader_answer *a;
	int64_t last = -1;
	size_t at = 0;
	int count = 0, more;

	if (reader_answer_check(packet, len, READER_SYMBOLS, 7, &a) < 0)
		return -EPROTO;
	while ((more = reader_record_next(a + 1, a->bytes, n, &at, &last, &frames[count])) > 0)
		count++;
	return more < 0 ? more : count;
}

static void good_records(void **state)
{
	struct reader_frame f[8];

	begin();
	add(0, "inner", "", "a.c")->flags = READER_RECORD_INLINED;
	add(0, "std::move<int&>", "_ZSt4moveIRiE", "dir/b.cpp");
	add(5, "na\xc3\xafve", "", "");
	assert_int_equal(read_all(6, f), 3);
	assert_string_equal(f[0].name, "inner");
	assert_int_equal(f[0].flags, READER_RECORD_INLINED);
	assert_string_equal(f[0].file, "a.c");
	assert_string_equal(f[1].symbol, "_ZSt4moveIRiE");
	assert_int_equal(f[1].line, 3);
	assert_int_equal(f[2].index, 5);
	begin();
	assert_int_equal(read_all(6, f), 0);
}

static void bad_records(void **state)
{
	struct reader_frame f[8];

#define BAD(change)                                                                                \
	do {                                                                                       \
		struct reader_record *r;                                                           \
		begin();                                                                           \
		add(2, "before", "", "");                                                          \
		r = add(3, "name", "symbol", "file");                                              \
		assert_int_equal(read_all(6, f), 2);                                               \
		(void)r, (change);                                                                 \
		assert_int_equal(read_all(6, f), -EPROTO);                                         \
	} while (0)
	BAD(r->index = 6);
	BAD(r->index = UINT32_MAX);
	BAD(r->index = 1); /* back */
	BAD(r->name_len = 0);
	BAD(r->name_len = 5);
	BAD(r->name_len = 3);
	BAD(r->name_len = UINT16_MAX);
	BAD(r->file_len = UINT16_MAX);
	BAD(r->symbol_len += 8);
	BAD(r->flags = 2);
	BAD(((char *)(r + 1))[1] = '\n');
	BAD(((char *)(r + 1))[1] = '\0');
	BAD(((char *)(r + 1))[1] = '\xff');
	BAD(((char *)(r + 1))[4] = 'x');
	BAD(((struct reader_answer *)(void *)packet)->bytes -= 8);
	BAD(((struct reader_answer *)(void *)packet)->bytes += 8);
	BAD(len -= 8);
	BAD(len = 10);
	BAD(len = 0);
#undef BAD
}

static void bad_headers(void **state)
{
	const struct reader_answer *a;
	struct reader_answer *h = begin();

	assert_int_equal(reader_answer_check(packet, len, READER_SYMBOLS, 7, &a), 0);
	assert_int_equal(reader_answer_check(packet, len, READER_SYMBOLS, 8, &a), -EPROTO);
	assert_int_equal(reader_answer_check(packet, len, READER_OPEN, 7, &a), -EPROTO);
	h->more = 2;
	assert_int_equal(reader_answer_check(packet, len, READER_SYMBOLS, 7, &a), -EPROTO);
	h = begin();
	h->reason = READER_GONE;
	assert_int_equal(reader_answer_check(packet, len, READER_SYMBOLS, 7, &a), 0);
	h->reason = READER_REASON_N;
	assert_int_equal(reader_answer_check(packet, len, READER_SYMBOLS, 7, &a), -EPROTO);
	/* Only the tool can say these. */
	h->reason = READER_DIED;
	assert_int_equal(reader_answer_check(packet, len, READER_SYMBOLS, 7, &a), -EPROTO);
	h->reason = READER_NO_TIME;
	assert_int_equal(reader_answer_check(packet, len, READER_SYMBOLS, 7, &a), -EPROTO);
}

static void identities(void **state)
{
	struct reader_identity id = {.build_id_size = 20, .n_loads = 1, .is64 = 1, .machine = 62},
			       out;

	assert_int_equal(reader_identity_check(&id, sizeof(id), &out), 0);
	assert_int_equal(reader_identity_check(&id, sizeof(id) - 1, &out), -EPROTO);
	id.build_id_size = ELF_BUILD_ID_MAX + 1;
	assert_int_equal(reader_identity_check(&id, sizeof(id), &out), -EPROTO);
	id.build_id_size = 0;
	id.n_loads = ELF_IMAGE_LOADS_MAX + 1;
	assert_int_equal(reader_identity_check(&id, sizeof(id), &out), -EPROTO);
	id.n_loads = 0;
	id.is64 = 2;
	assert_int_equal(reader_identity_check(&id, sizeof(id), &out), -EPROTO);
}

/* Each has its own text and an errno, so that a report's counts don't run together. */
static void reasons(void **state)
{
	assert_int_equal(reader_reason_error(READER_NONE), 0);
	for (int i = 1; i < READER_REASON_N; i++) {
		assert_true(reader_reason_error(i) < 0);
		assert_true(strlen(reader_reason_text(i)) > 5);
		for (int k = 0; k < i; k++) {
			assert_string_not_equal(reader_reason_text(i), reader_reason_text(k));
			assert_int_not_equal(reader_reason_error(i), reader_reason_error(k));
		}
	}
	assert_int_equal(reader_reason_error(READER_REASON_N), -EPROTO);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(good_records), cmocka_unit_test(bad_records),
		cmocka_unit_test(bad_headers),	cmocka_unit_test(identities),
		cmocka_unit_test(reasons),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
