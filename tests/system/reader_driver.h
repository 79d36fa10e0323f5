/* SPDX-License-Identifier: BSD-2-Clause */
/* What the tests of the reader share. */
#ifndef BD_READER_DRIVER_H
#define BD_READER_DRIVER_H

#include <setjmp.h>
#include <stdarg.h>
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include <sys/types.h>

#include <cmocka.h>

#include "user/reader/reader.h"

/* A mapping of a process; open.path is `path`. */
struct mapping {
	struct reader_open open;
	uint64_t offset;
	char path[512];
};

/* What note_name() has been told. */
struct names {
	size_t calls;
	char last[256];
};

extern char reader_test_dir[64]; /* made for each test, and removed after it */

const char *in_dir(const char *name);
void copy(const char *from, const char *to);
uint64_t count(struct reader *r, enum reader_reason reason);
bool find_mapping(pid_t pid, const char *name, struct mapping *ret);
pid_t sleeper(const char *path);
void end(pid_t pid);
void note_name(void *arg, const struct reader_symbol *s);
const char *name_at(struct reader *r, const struct reader_file *f, uint64_t at);
uint64_t file_offset(const void *function);
void open_self(struct reader *r, struct reader_file *ret);
int a_function_to_find(int x);
/* The value of a line of /proc/PID/status. */
void reader_test_status(pid_t pid, const char *key, char *buf, size_t size);

void names_this_program(void **state);
void image_in_memory(void **state);
void stripped_program(void **state);
void replaced_program(void **state);
void debug_file_by_link(void **state);
void debug_file_by_build_id(void **state);
void other_root(void **state);
void not_regular_files(void **state);
void damaged_programs(void **state);
void perf_maps(void **state);
void killed_child(void **state);
void hanging_child(void **state);
void many_addresses(void **state);
void many_files(void **state);
void has_nothing_to_lose(void **state);
void dies_with_the_tool(void **state);
void forbidden_calls(void **state);
void logs_with_the_clients_rights(void **state);
void logs_as_root(void **state);
void logs_below_the_clients_root(void **state);
void logs_of_a_child_that_fails(void **state);
void logs_rights_as_text(void **state);

#endif
