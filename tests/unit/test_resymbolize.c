// SPDX-License-Identifier: BSD-2-Clause
/* A report that names nothing, and the programs that it is about: this one. */
#include <elf.h>
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

#include "own_base.h"
#include "user/lib/symbols/elf_image.h"
#include "user/lib/view/resymbolize.h"

static uint64_t where;

static __attribute__((noinline)) void note_where(void)
{
	where = (uint64_t)(uintptr_t)__builtin_return_address(0) - 1;
}

static inline __attribute__((always_inline)) void the_leaf(int *x)
{
	note_where();
	*x += 1;
}

static inline __attribute__((always_inline)) void the_middle(int *x)
{
	*x *= 3;
	the_leaf(x);
}

static __attribute__((noinline)) int the_outer(int x)
{
	the_middle(&x);
	/* So that the call within is no jump. */
	__asm__ volatile("" : "+r"(x));
	return x;
}

static char dir[64], build_id[2 * ELF_BUILD_ID_MAX + 1];
static uint64_t address;

/* A directory as a developer has it: other files, a FIFO, a link that leads round, and this program
 * deep inside. */
static int make_dir(void **state)
{
	char command[512];
	struct elf_image e;
	struct stat st;
	int fd = open("/proc/self/exe", O_RDONLY | O_CLOEXEC);

	if (the_outer(1) == 0)
		return -1;
	if (fstat(fd, &st) < 0 || elf_image_open(&e, fd, (uint64_t)st.st_size) < 0)
		return -1;
	close(fd);
	address = where - (e.type == ET_DYN ? own_base() : 0);
	for (uint32_t i = 0; i < e.build_id_size; i++)
		snprintf(build_id + 2 * i, 3, "%02x", e.build_id[i]);
	elf_image_release(&e);
	strcpy(dir, "/tmp/resymbolize-XXXXXX");
	if (!mkdtemp(dir))
		return -1;
	snprintf(command, sizeof(command),
		 "cd %s && mkdir -p a/b && cp /bin/true a && mkfifo a/fifo && ln -s .. a/round && "
		 "cp /proc/%d/exe a/b/any-name && echo text > a/text",
		 dir, getpid());
	return system(command);
}

static int remove_dir(void **state)
{
	char command[128];

	snprintf(command, sizeof(command), "rm -rf %s", dir);
	return system(command);
}

/* root > where (twice, in two frames) > a leaf of another module; samples on each. */
static void make_report(struct report *r)
{
	static const struct {
		const char *name;
		int32_t module;
		bool here;
	} frames[] = {{"_start", 1, false},
		      {"prog+0x1", 0, true},
		      {"leaf", 1, false},
		      {"prog+0x2", 0, true}};
	static const int32_t parents[] = {-1, 0, 1, 0};

	assert_int_equal(report_init(r), 0);
	for (int i = 0; i < 2; i++) {
		report_modules_add(&r->modules);
		r->modules.path[i] = (uint32_t)report_intern(r, i ? "/lib/other" : "/bin/prog");
		r->modules.build_id[i] = (uint32_t)report_intern(r, i ? "" : build_id);
	}
	for (int i = 0; i < 4; i++) {
		report_frames_add(&r->frames);
		r->frames.name[i] = (uint32_t)report_intern(r, frames[i].name);
		r->frames.module[i] = frames[i].module;
		r->frames.offset[i] = frames[i].here ? address : 0x10;
		r->frames.kind[i] = (uint32_t)report_intern(r, "native");
		report_stacks_add(&r->stacks);
		r->stacks.parent[i] = parents[i];
		r->stacks.frame[i] = (uint32_t)i;
		report_samples_add(&r->samples);
		r->samples.stack[i] = i;
	}
	report_samples_add(&r->samples);
	r->samples.stack[4] = -1;
	report_dump_threads_add(&r->dump.threads);
	r->dump.threads.stack[0] = 2;
}

/* "root;…;leaf" of a row in stacks. */
static const char *stack_text(const struct report *r, int32_t row)
{
	static char text[512];
	char rest[512] = "";

	for (; row >= 0; row = r->stacks.parent[row]) {
		const char *name = report_text(r, r->frames.name[r->stacks.frame[row]]);

		snprintf(text, sizeof(text), "%.200s%s%.250s", name, *rest ? ";" : "", rest);
		strcpy(rest, text);
		assert_true(r->stacks.parent[row] < row);
	}
	return text;
}

static void names_and_inlined_functions(void **state)
{
	struct resymbolize_result result;
	struct report r = {0};

	make_report(&r);
	for (int round = 0; round < 2; round++) {
		assert_int_equal(resymbolize(&r, dir, NULL, NULL, &result), 0);
		assert_int_equal(result.modules, 1);
		assert_int_equal(result.found, 1);
		/* The second time there is nothing left to do. */
		assert_int_equal(result.frames, round ? 0 : 2);
		assert_int_equal(r.stacks.n, 8);
		assert_int_equal(r.frames.n, 8);
		assert_string_equal(stack_text(&r, r.samples.stack[0]), "_start");
		assert_string_equal(stack_text(&r, r.samples.stack[1]),
				    "_start;the_outer;the_middle;the_leaf");
		assert_string_equal(stack_text(&r, r.samples.stack[2]),
				    "_start;the_outer;the_middle;the_leaf;leaf");
		assert_string_equal(stack_text(&r, r.samples.stack[3]),
				    "_start;the_outer;the_middle;the_leaf");
		assert_int_equal(r.samples.stack[4], -1);
		assert_int_equal(r.dump.threads.stack[0], r.samples.stack[2]);
		assert_string_equal(report_text(&r, r.frames.kind[1]), "native");
		assert_string_equal(report_text(&r, r.frames.kind[4]), "inlined");
		assert_non_null(strstr(report_text(&r, r.frames.file[1]), "test_resymbolize.c"));
		assert_true(r.frames.line[1] > 0);
		assert_int_equal(r.frames.module[4], 0);
		assert_true(r.frames.offset[4] == address);
	}
	report_release(&r);
}

/* The debug file alone, as a package of debug symbols brings it. */
static void a_debug_file_alone(void **state)
{
	struct resymbolize_result result;
	struct report r = {0};
	char command[512];

	snprintf(command, sizeof(command),
		 "cd %s && rm -r a && mkdir -p .build-id/ab && "
		 "objcopy --only-keep-debug /proc/%d/exe .build-id/ab/cd.debug",
		 dir, getpid());
	assert_int_equal(system(command), 0);
	make_report(&r);
	assert_int_equal(resymbolize(&r, dir, NULL, NULL, &result), 0);
	assert_int_equal(result.frames, 2);
	assert_string_equal(stack_text(&r, r.samples.stack[2]),
			    "_start;the_outer;the_middle;the_leaf;leaf");
	report_release(&r);
}

static void nothing_to_be_found(void **state)
{
	struct resymbolize_result result;
	struct report r = {0};

	make_report(&r);
	assert_int_equal(resymbolize(&r, "/nowhere", NULL, NULL, &result), -ENOENT);
	assert_int_equal(resymbolize(&r, "/etc/hostname", NULL, NULL, &result), -ENOTDIR);
	r.modules.build_id[0] = (uint32_t)report_intern(&r, "0123456789abcdef");
	assert_int_equal(resymbolize(&r, dir, NULL, NULL, &result), 0);
	assert_int_equal(result.modules, 1);
	assert_int_equal(result.found, 0);
	assert_int_equal(result.frames, 0);
	assert_string_equal(stack_text(&r, r.samples.stack[2]), "_start;prog+0x1;leaf");
	report_release(&r);
	assert_int_equal(report_init(&r), 0);
	assert_int_equal(resymbolize(&r, dir, NULL, NULL, &result), 0);
	report_release(&r);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(names_and_inlined_functions),
		cmocka_unit_test(a_debug_file_alone),
		cmocka_unit_test(nothing_to_be_found),
	};

	return cmocka_run_group_tests(tests, make_dir, remove_dir);
}
