// SPDX-License-Identifier: BSD-2-Clause
#include <elf.h>
#include <errno.h>
#include <fcntl.h>
#include <lzma.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/stat.h>
#include <unistd.h>

#include <cmocka.h>

#include "own_base.h"
#include "user/lib/symbols/elf_debug.h"
#include "user/lib/symbols/elf_names.h"

#define LINES_FOREVER INT64_MAX

/* --- this program, which is built with -g: two functions inlined into a third, and where they were
 */
static uint64_t where;
static int line_of_leaf, line_of_middle, line_of_outer;

static __attribute__((noinline)) void note_where(void)
{
	where = (uint64_t)(uintptr_t)__builtin_return_address(0) - 1;
}

static inline __attribute__((always_inline)) void the_leaf(int *x)
{
	line_of_leaf = __LINE__ + 1;
	note_where();
	*x += 1;
}

static inline __attribute__((always_inline)) void the_middle(int *x)
{
	*x *= 3;
	line_of_middle = __LINE__ + 1;
	the_leaf(x);
}

static __attribute__((noinline)) int the_outer(int x)
{
	x ^= 5;
	line_of_outer = __LINE__ + 1;
	the_middle(&x);
	/* So that the call within is no jump. */
	__asm__ volatile("" : "+r"(x));
	return x;
}

struct own {
	int fd;
	uint64_t size, address; /* of `where` in the file */
};

static void open_own(struct own *o)
{
	struct elf_image e;
	struct stat st;

	assert_true(the_outer(1) != 0);
	o->fd = open("/proc/self/exe", O_RDONLY | O_CLOEXEC);
	assert_int_equal(fstat(o->fd, &st), 0);
	o->size = (uint64_t)st.st_size;
	assert_int_equal(elf_image_open(&e, o->fd, o->size), 0);
	o->address = where - (e.type == ET_DYN ? own_base() : 0);
	elf_image_release(&e);
}

static int check_chain(void *arg, size_t index, const struct elf_names_frame *f, int n)
{
	assert_int_equal(index, 0);
	assert_int_equal(n, 3);
	assert_string_equal(f[0].name, "the_leaf");
	assert_string_equal(f[1].name, "the_middle");
	assert_string_equal(f[2].name, "the_outer");
	assert_int_equal(f[0].line, line_of_leaf);
	assert_int_equal(f[1].line, line_of_middle);
	assert_int_equal(f[2].line, line_of_outer);
	for (int i = 0; i < n; i++) {
		assert_int_equal(f[i].inlined, i < 2);
		assert_non_null(strstr(f[i].file, "tests/unit/test_elf_names.c"));
		/* A compiler may have made a copy, the_outer.constprop.0. */
		assert_true(f[i].inlined ? *f[i].symbol == '\0'
					 : *f[i].symbol == '\0' ||
						   strncmp(f[i].symbol, "the_outer.", 10) == 0);
	}
	assert_int_equal(f[0].start, 0);
	assert_true(f[2].start != 0);
	*(int *)arg += 1;
	return 0;
}

static int check_plain(void *arg, size_t index, const struct elf_names_frame *f, int n)
{
	assert_int_equal(n, 1);
	assert_string_equal(f[0].name, "the_outer");
	assert_string_equal(f[0].file, "");
	assert_int_equal(f[0].line, 0);
	*(int *)arg += 1;
	return 0;
}

static void inlined_functions(void **state)
{
	struct elf_names_files files = {.debug_fd = -1, .alt_fd = -1};
	int calls = 0;
	struct own o;

	open_own(&o);
	files.fd = o.fd;
	files.size = o.size;
	assert_int_equal(elf_names_find(&files, LINES_FOREVER, &o.address, 1, check_chain, &calls),
			 0);
	assert_int_equal(calls, 1);
	assert_int_equal(elf_names_find(&files, 0, &o.address, 1, check_plain, &calls), 0);
	assert_int_equal(calls, 2);
	/* The time is over before it began: the names come all the same. */
	assert_int_equal(elf_names_find(&files, 1, &o.address, 1, check_plain, &calls), -ETIME);
	assert_int_equal(calls, 3);
	close(o.fd);
}

/* --- .gnu_debugdata: an ELF file with nothing but that section, made of any content */
struct packed {
	Elf64_Ehdr header;
	Elf64_Shdr sections[3];
	char names[32];
};

static int pack(const void *content, size_t size, size_t damage)
{
	size_t cap = lzma_stream_buffer_bound(size), len = 0;
	uint8_t *xz = malloc(cap);
	struct packed p = {
		.header = {.e_ident = {0x7f, 'E', 'L', 'F', ELFCLASS64, ELFDATA2LSB, EV_CURRENT},
			   .e_type = ET_DYN,
			   .e_shoff = offsetof(struct packed, sections),
			   .e_shentsize = sizeof(Elf64_Shdr),
			   .e_shnum = 3,
			   .e_shstrndx = 2},
		.names = "\0.gnu_debugdata\0.shstrtab",
	};
	int fd = memfd_create("packed", MFD_CLOEXEC);

	assert_int_equal(
		lzma_easy_buffer_encode(0, LZMA_CHECK_CRC32, NULL, content, size, xz, &len, cap),
		LZMA_OK);
	if (damage)
		xz[damage % len] ^= 0x55;
	p.sections[1] = (Elf64_Shdr){
		.sh_name = 1, .sh_type = SHT_PROGBITS, .sh_offset = sizeof(p), .sh_size = len};
	p.sections[2] = (Elf64_Shdr){.sh_name = 16,
				     .sh_type = SHT_STRTAB,
				     .sh_offset = offsetof(struct packed, names),
				     .sh_size = sizeof(p.names)};
	assert_int_equal(write(fd, &p, sizeof(p)), sizeof(p));
	assert_int_equal(write(fd, xz, len), len);
	free(xz);
	return fd;
}

static int find_in(int fd, uint64_t address, int *calls)
{
	struct elf_names_files files = {.fd = fd, .debug_fd = -1, .alt_fd = -1};
	struct stat st;

	assert_int_equal(fstat(fd, &st), 0);
	files.size = (uint64_t)st.st_size;
	return elf_names_find(&files, 0, &address, 1, check_plain, calls);
}

static void compressed_symbols(void **state)
{
	int calls = 0, fd, refused = 0;
	struct elf_image e;
	struct own o;
	size_t size;
	void *content, *data;

	open_own(&o);
	content = malloc(o.size);
	assert_int_equal(pread(o.fd, content, o.size, 0), o.size);
	close(o.fd);
	fd = pack(content, o.size, 0);
	assert_int_equal(find_in(fd, o.address, &calls), 0);
	assert_int_equal(calls, 1);
	close(fd);
	for (size_t i = 1; i < 60; i++) {
		struct stat st;

		fd = pack(content, o.size, i * 997);
		assert_int_equal(fstat(fd, &st), 0);
		assert_int_equal(elf_image_open(&e, fd, (uint64_t)st.st_size), 0);
		refused += elf_debugdata(&e, &data, &size) == -EBADMSG;
		elf_image_release(&e);
		find_in(fd, o.address, &calls);
		close(fd);
	}
	/* All but the rare change of what nothing depends on: it has a checksum. */
	assert_in_range(refused, 50, 59);
	free(content);
}

static void a_bomb_is_not_unpacked(void **state)
{
	size_t size = ELF_DEBUGDATA_MAX + (1u << 20), n;
	void *zeroes = mmap(NULL, size, PROT_READ, MAP_PRIVATE | MAP_ANONYMOUS, -1, 0), *data;
	int fd = pack(zeroes, size, 0), calls = 0;
	struct elf_image e;
	struct stat st;

	assert_int_equal(fstat(fd, &st), 0);
	assert_int_equal(elf_image_open(&e, fd, (uint64_t)st.st_size), 0);
	assert_int_equal(elf_debugdata(&e, &data, &n), -EFBIG);
	elf_image_release(&e);
	assert_int_equal(find_in(fd, 0x1000, &calls), 0);
	assert_int_equal(calls, 0);
	munmap(zeroes, size);
	close(fd);
}

static void build_id_paths(void **state)
{
	static const uint8_t id[20] = {0xab, 0xcd, 0xef, 0x01, 0x02};
	char path[128];

	assert_true(elf_build_id_path(id, 20, path, sizeof(path)));
	assert_string_equal(path, "/.build-id/ab/cdef0102000000000000000000000000000000.debug");
	assert_false(elf_build_id_path(id, 1, path, sizeof(path)));
	assert_false(elf_build_id_path(id, 20, path, 40));
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(inlined_functions),
		cmocka_unit_test(compressed_symbols),
		cmocka_unit_test(a_bomb_is_not_unpacked),
		cmocka_unit_test(build_id_paths),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
