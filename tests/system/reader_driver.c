// SPDX-License-Identifier: BSD-2-Clause
/*
 * The reader with its real child, as root: test_reader.py builds it, and runs each test by its
 * name. reader_driver --list | NAME | --measure FILE... It is its own child: READER_VERB leads to
 * reader_child_main(), as in the tool.
 */
#include "reader_driver.h"

#include <fcntl.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <sys/wait.h>
#include <unistd.h>

#include "user/reader/reader_process.h"

char reader_test_dir[64];

static int new_reader(void **state)
{
	struct reader *r;

	strcpy(reader_test_dir, "/tmp/reader-test-XXXXXX");
	if (!mkdtemp(reader_test_dir) || chmod(reader_test_dir, 0755) < 0 || reader_new(&r) < 0)
		return -1;
	*state = r;
	return 0;
}

static int free_reader(void **state)
{
	char command[128];

	reader_free(*state);
	snprintf(command, sizeof(command), "rm -rf %s", reader_test_dir);
	return system(command);
}

const char *in_dir(const char *name)
{
	static char path[4][128];
	static unsigned next;
	char *p = path[next++ % 4];

	snprintf(p, sizeof(path[0]), "%s/%s", reader_test_dir, name);
	return p;
}

void copy(const char *from, const char *to)
{
	char command[512];

	snprintf(command, sizeof(command), "cp --remove-destination %s %s", from, to);
	assert_int_equal(system(command), 0);
}

uint64_t count(struct reader *r, enum reader_reason reason)
{
	return reader_reasons(r)[reason];
}

/* The first mapping with code of `pid` whose path ends in `name`. */
bool find_mapping(pid_t pid, const char *name, struct mapping *ret)
{
	char maps[64], line[1024], perms[8];
	unsigned long long start, end, offset, inode;
	unsigned major, minor;
	bool found = false;
	FILE *f;

	snprintf(maps, sizeof(maps), "/proc/%d/maps", pid);
	f = fopen(maps, "re");
	while (f && !found && fgets(line, sizeof(line), f)) {
		int at = 0;

		line[strcspn(line, "\n")] = '\0';
		if (sscanf(line, "%llx-%llx %7s %llx %x:%x %llu %n", &start, &end, perms, &offset,
			   &major, &minor, &inode, &at) < 7 ||
		    perms[2] != 'x' || strlen(line + at) < strlen(name) ||
		    strcmp(line + strlen(line) - strlen(name), name) != 0)
			continue;
		snprintf(ret->path, sizeof(ret->path), "%.500s", line + at);
		ret->offset = offset;
		ret->open = (struct reader_open){pid, start, end, major, minor, inode, ret->path};
		found = true;
	}
	if (f)
		fclose(f);
	return found;
}

/* Runs `path` (a copy of this program) as a sleeper, and waits until it is that. */
pid_t sleeper(const char *path)
{
	int ready[2];
	char c;
	pid_t pid;

	assert_int_equal(pipe(ready), 0);
	pid = fork();
	if (pid == 0) {
		dup2(ready[1], 1);
		execl(path, path, "--sleep", NULL);
		_exit(127);
	}
	close(ready[1]);
	assert_int_equal(read(ready[0], &c, 1), 1);
	close(ready[0]);
	return pid;
}

void end(pid_t pid)
{
	kill(pid, SIGKILL);
	assert_int_equal(waitpid(pid, NULL, 0), pid);
}

void note_name(void *arg, const struct reader_symbol *s)
{
	struct names *n = arg;

	n->calls++;
	snprintf(n->last, sizeof(n->last), "%s", s->name);
}

/* The name of one address of a file, "" for none; `at` is a byte of the file. */
const char *name_at(struct reader *r, const struct reader_file *f, uint64_t at)
{
	static struct names n;
	uint64_t address;

	n = (struct names){0};
	assert_true(reader_file_address(f, at, &address));
	assert_int_equal(reader_symbols(r, f->id, &address, 1, note_name, &n), 0);
	return n.last;
}

/* Where in its file a function of this program is, and so in every copy of it. */
uint64_t file_offset(const void *function)
{
	struct mapping m;

	assert_true(find_mapping(getpid(), "reader_driver", &m));
	return (uint64_t)(uintptr_t)function - m.open.start + m.offset;
}

__attribute__((noinline)) int a_function_to_find(int x)
{
	__asm__ volatile("" : "+r"(x));
	return x;
}

void open_self(struct reader *r, struct reader_file *ret)
{
	struct mapping m;

	assert_true(find_mapping(getpid(), "reader_driver", &m));
	assert_int_equal(reader_open(r, &m.open, ret), 0);
}

static int64_t now_us(void)
{
	return reader_now_ns() / 1000;
}

/* Time and memory of 1,000 addresses of each file, spread over its code. */
static int measure(int n_files, char **files)
{
	static uint64_t addresses[1000];
	struct reader_cost cost;

	for (int i = 0; i < n_files; i++) {
		struct reader_file f;
		struct names n = {0};
		struct reader *r;
		int64_t begin, opened;

		if (reader_new(&r) < 0 ||
		    reader_open(r, &(struct reader_open){.path = "/bin/true"}, &f) < 0)
			return 1;
		begin = now_us();
		if (reader_open(r, &(struct reader_open){.path = files[i]}, &f) < 0) {
			fprintf(stderr, "%s: %s\n", files[i], reader_last_reason(r));
			return 1;
		}
		opened = now_us();
		for (size_t k = 0; k < 1000; k++)
			addresses[k] = f.loads[0].vaddr + k * (f.loads[0].size / 1000);
		reader_symbols(r, f.id, addresses, 1000, note_name, &n);
		reader_cost(r, &cost);
		printf("%s: open %ld us, 1000 addresses %ld us (%zu frames), child %lu KB\n",
		       files[i], (long)(opened - begin), (long)(now_us() - opened), n.calls,
		       (unsigned long)cost.rss_bytes / 1024);
		reader_free(r);
	}
	return 0;
}

#define TEST(f) cmocka_unit_test_setup_teardown(f, new_reader, free_reader)
static const struct CMUnitTest tests[] = {
	TEST(names_this_program), TEST(image_in_memory),    TEST(stripped_program),
	TEST(replaced_program),	  TEST(debug_file_by_link), TEST(debug_file_by_build_id),
	TEST(other_root),	  TEST(not_regular_files),  TEST(damaged_programs),
	TEST(perf_maps),	  TEST(killed_child),	    TEST(hanging_child),
	TEST(many_addresses),	  TEST(many_files),	    TEST(has_nothing_to_lose),
	TEST(dies_with_the_tool), TEST(forbidden_calls),
	TEST(logs_with_the_clients_rights), TEST(logs_as_root), TEST(logs_below_the_clients_root),
	TEST(logs_of_a_child_that_fails), TEST(logs_rights_as_text),
};

int main(int argc, char **argv)
{
	if (argc >= 3 && strcmp(argv[1], READER_VERB) == 0)
		return reader_child_main(argc - 1, argv + 1);
	if (argc == 2 && strcmp(argv[1], "--sleep") == 0) {
		if (write(1, "r", 1) == 1)
			for (;;)
				pause();
		return 1;
	}
	if (argc == 2 && strcmp(argv[1], "--list") == 0) {
		for (size_t i = 0; i < sizeof(tests) / sizeof(tests[0]); i++)
			puts(tests[i].name);
		return 0;
	}
	if (argc > 2 && strcmp(argv[1], "--measure") == 0)
		return measure(argc - 2, argv + 2);
	if (argc == 2)
		cmocka_set_test_filter(argv[1]);
	return cmocka_run_group_tests(tests, NULL, NULL);
}
