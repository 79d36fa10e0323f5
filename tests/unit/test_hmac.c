// SPDX-License-Identifier: BSD-2-Clause
/* HMAC-SHA-256 with the vectors of RFC 4231, and the identity of a host that is made with it. */
#include <errno.h>
#include <fcntl.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include <cmocka.h>

#include "user/common/host_id.h"
#include "user/lib/base/hmac.h"

#define FILLED(byte, n) 0, byte, n

/* Text, or `n` times one byte. */
struct input {
	const char *text;
	int byte;
	size_t n;
};

static size_t fill(const struct input *in, char *buffer)
{
	if (in->text)
		return strlen(strcpy(buffer, in->text));
	memset(buffer, in->byte, in->n);
	return in->n;
}

static void to_hex(const uint8_t *bytes, size_t n, char *text)
{
	for (size_t i = 0; i < n; i++)
		sprintf(text + 2 * i, "%02x", bytes[i]);
}

static void test_rfc4231(void **state)
{
	static const struct {
		struct input key, data;
		const char *expected;
	} rows[] = {
		{{FILLED(0x0b, 20)},
		 {"Hi There"},
		 "b0344c61d8db38535ca8afceaf0bf12b881dc200c9833da726e9376c2e32cff7"},
		{{"Jefe"},
		 {"what do ya want for nothing?"},
		 "5bdcc146bf60754e6a042426089575c75a003f089d2739839dec58b964ec3843"},
		{{FILLED(0xaa, 20)},
		 {FILLED(0xdd, 50)},
		 "773ea91e36800e46854db8ebd09181a72959098b3ef8c122d9635514ced565fe"},
		{{"\x01\x02\x03\x04\x05\x06\x07\x08\x09\x0a\x0b\x0c\x0d\x0e\x0f\x10\x11\x12\x13\x14"
		  "\x15\x16\x17\x18\x19"},
		 {FILLED(0xcd, 50)},
		 "82558a389a443c0ea4cc819899f2083a85f0faa3e578f8077a2e3ff46729665b"},
		/* 5 is case 1's key with a result that is cut to 128 bits */
		{{FILLED(0x0c, 20)}, {"Test With Truncation"}, "a3b6167473100ee06e0c796c2955552b"},
		{{FILLED(0xaa, 131)},
		 {"Test Using Larger Than Block-Size Key - Hash Key First"},
		 "60e431591ee0b67f0d8a26aacbf5b77f8e0bc6213728c5140546040f0ee37f54"},
		{{FILLED(0xaa, 131)},
		 {"This is a test using a larger than block-size key and a larger than block-size "
		  "data. The "
		  "key needs to be hashed before being used by the HMAC algorithm."},
		 "9b09ffa71b942fcb27635fbcd5b0e944bfdc63644f0713938a7f51535c3a35e2"},
	};
	char key[200], data[200], hex[2 * HMAC_BYTES + 1];
	uint8_t hash[HMAC_BYTES];

	for (size_t i = 0; i < sizeof(rows) / sizeof(rows[0]); i++) {
		size_t k = fill(&rows[i].key, key), n = fill(&rows[i].data, data);

		hmac_sha256(key, k, data, n, hash);
		to_hex(hash, HMAC_BYTES, hex);
		assert_memory_equal(hex, rows[i].expected, strlen(rows[i].expected));
	}
}

static int temporary(char *path)
{
	strcpy(path, "/tmp/backdraft-host-XXXXXX");
	assert_non_null(mkdtemp(path));
	int fd = open(path, O_RDONLY | O_DIRECTORY);

	assert_true(fd >= 0);
	return fd;
}

static void clear(int fd, const char *path)
{
	unlinkat(fd, HOST_ID_KEY, 0);
	unlinkat(fd, HOST_ID_KEY ".damaged", 0);
	close(fd);
	assert_int_equal(rmdir(path), 0);
}

/* The same for the same machine and key; another for another machine, or another key. */
static void test_identity(void **state)
{
	uint8_t first[REPORT_ID_BYTES], id[REPORT_ID_BYTES];
	char path[64], note[HOST_ID_ERROR] = "";
	int fd = temporary(path);
	struct stat st;

	assert_int_equal(host_id_make(fd, "machine\nuuid\n", first, note), 0);
	assert_non_null(strstr(note, "new identity"));
	assert_int_equal(fstatat(fd, HOST_ID_KEY, &st, 0), 0);
	assert_int_equal(st.st_mode & 0777, 0600);
	note[0] = '\0';
	assert_int_equal(host_id_make(fd, "machine\nuuid\n", id, note), 0);
	assert_string_equal(note, "");
	assert_memory_equal(id, first, sizeof(id));
	assert_int_equal(host_id_make(fd, "machine\nother\n", id, note), 0);
	assert_memory_not_equal(id, first, sizeof(id));
	assert_int_equal(unlinkat(fd, HOST_ID_KEY, 0), 0);
	assert_int_equal(host_id_make(fd, "machine\nuuid\n", id, note), 0);
	assert_non_null(strstr(note, "new identity"));
	assert_memory_not_equal(id, first, sizeof(id));
	clear(fd, path);
}

/* Half a file, zeroes after a power cut, a byte that flipped: said, set aside, and a new identity.
 */
static void test_damaged(void **state)
{
	uint8_t first[REPORT_ID_BYTES], id[REPORT_ID_BYTES];
	char path[64], text[200], note[HOST_ID_ERROR] = "";
	int fd = temporary(path);

	assert_int_equal(host_id_make(fd, "machine\n", first, note), 0);
	for (int damage = 0; damage < 4; damage++) {
		int file = openat(fd, HOST_ID_KEY, O_RDWR);
		ssize_t n = pread(file, text, sizeof(text), 0);

		assert_true(n > 60);
		if (damage == 0)
			assert_int_equal(ftruncate(file, n / 2), 0);
		else if (damage == 1)
			assert_int_equal(ftruncate(file, 0), 0);
		text[20] ^= damage == 2 ? 1 : 0;
		if (damage == 3)
			memset(text, 0, n);
		if (damage >= 2)
			assert_int_equal(pwrite(file, text, n, 0), n);
		close(file);
		note[0] = '\0';
		assert_int_equal(host_id_make(fd, "machine\n", id, note), 0);
		assert_non_null(strstr(note, "damaged"));
		assert_non_null(strstr(note, "new identity"));
		assert_memory_not_equal(id, first, sizeof(id));
		assert_int_equal(faccessat(fd, HOST_ID_KEY ".damaged", F_OK, 0), 0);
		memcpy(first, id, sizeof(id));
	}
	assert_int_equal(fchmodat(fd, HOST_ID_KEY, 0644, 0), 0);
	note[0] = '\0';
	assert_int_equal(host_id_make(fd, "machine\n", id, note), 0);
	assert_non_null(strstr(note, "read by others"));
	assert_memory_equal(id, first, sizeof(id));
	clear(fd, path);
}

static void test_sources(void **state)
{
	char text[512];

	host_id_sources(text, sizeof(text));
	/* Two lines, whatever this machine has. */
	assert_non_null(strchr(text, '\n'));
	assert_string_equal(strchr(strchr(text, '\n') + 1, '\n'), "\n");
	host_id_sources(text, 3);
	assert_true(strlen(text) < 3);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_rfc4231),
		cmocka_unit_test(test_identity),
		cmocka_unit_test(test_damaged),
		cmocka_unit_test(test_sources),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
