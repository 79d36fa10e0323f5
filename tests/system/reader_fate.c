// SPDX-License-Identifier: BSD-2-Clause
/* The reader's child: what it can't do, and what becomes of it. */
#include <errno.h>
#include <fcntl.h>
#include <pthread.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/resource.h>
#include <sys/socket.h>
#include <sys/wait.h>
#include <unistd.h>

#include "reader_driver.h"
#include "user/reader/reader_process.h"
#include "user/reader/sandbox.h"

static void *kill_later(void *arg)
{
	usleep(200000);
	kill((pid_t)(intptr_t)arg, SIGKILL);
	return NULL;
}

static void kill_in_the_middle(pid_t pid, pthread_t *ret)
{
	kill(pid, SIGSTOP);
	assert_int_equal(pthread_create(ret, NULL, kill_later, (void *)(intptr_t)pid), 0);
}

void killed_child(void **state)
{
	struct reader *r = *state;
	struct reader_file f, other;
	struct reader_cost cost;
	uint64_t address = 0x1000;
	struct names n = {0};
	pthread_t thread;
	struct mapping m;
	pid_t pid;

	open_self(r, &f);
	assert_true(find_mapping(getpid(), "libc.so.6", &m));
	assert_int_equal(reader_open(r, &m.open, &other), 0);
	/* While idle: nobody's fault, and nobody notices. */
	kill(reader_pid(r), SIGKILL);
	usleep(50000);
	assert_string_equal(name_at(r, &f, file_offset(a_function_to_find)), "a_function_to_find");
	assert_int_equal(count(r, READER_DIED), 0);
	/* In the middle: it may have been the lines, so the names come without them. */
	pid = reader_pid(r);
	kill_in_the_middle(pid, &thread);
	assert_string_equal(name_at(r, &f, file_offset(a_function_to_find)), "a_function_to_find");
	pthread_join(thread, NULL);
	assert_int_equal(count(r, READER_LINES_DIED), 1);
	assert_int_equal(count(r, READER_DIED), 0);
	/* Again: the file is left alone from then on, the others aren't. */
	pid = reader_pid(r);
	kill_in_the_middle(pid, &thread);
	assert_int_equal(reader_symbols(r, f.id, &address, 1, note_name, &n), -EPIPE);
	pthread_join(thread, NULL);
	assert_string_equal(reader_last_reason(r), "reader died");
	assert_int_equal(reader_symbols(r, f.id, &address, 1, note_name, &n), -EPIPE);
	assert_string_equal(name_at(r, &other, (uintptr_t)&sethostname - m.open.start + m.offset),
			    "sethostname");
	reader_cost(r, &cost);
	assert_int_equal(cost.started, 4);
	assert_int_equal(count(r, READER_DIED), 2);
}

void hanging_child(void **state)
{
	struct reader *r = *state;
	struct reader_file f, other;
	uint64_t address = 0x1000;
	struct names n = {0};
	struct mapping m;
	int64_t begin;

	open_self(r, &f);
	assert_true(find_mapping(getpid(), "libc.so.6", &m));
	assert_int_equal(reader_open(r, &m.open, &other), 0);
	/* A report's time is over before the file's: that says nothing about the file. */
	kill(reader_pid(r), SIGSTOP);
	begin = reader_now_ns();
	reader_set_deadline(r, begin + 200000000);
	assert_int_equal(reader_symbols(r, f.id, &address, 1, note_name, &n), -EBUSY);
	assert_in_range(reader_now_ns() - begin, 200000000, 600000000);
	assert_int_equal(reader_symbols(r, f.id, &address, 1, note_name, &n), -EBUSY);
	reader_set_deadline(r, 0);
	assert_string_equal(name_at(r, &f, file_offset(a_function_to_find)), "a_function_to_find");
	/* 5 s in all: with lines first, then without. */
	begin = reader_now_ns();
	kill(reader_pid(r), SIGSTOP);
	assert_string_equal(name_at(r, &f, file_offset(a_function_to_find)), "a_function_to_find");
	assert_int_equal(count(r, READER_LINES_DIED), 1);
	kill(reader_pid(r), SIGSTOP);
	assert_int_equal(reader_symbols(r, f.id, &address, 1, note_name, &n), -ETIMEDOUT);
	assert_in_range(reader_now_ns() - begin, 4900000000, 8000000000);
	assert_string_equal(reader_last_reason(r), "reader timed out");
	begin = reader_now_ns();
	assert_int_equal(reader_symbols(r, f.id, &address, 1, note_name, &n), -ETIMEDOUT);
	assert_string_equal(name_at(r, &other, (uintptr_t)&sethostname - m.open.start + m.offset),
			    "sethostname");
	/* An open that hangs is given up sooner, and not tried again. */
	kill(reader_pid(r), SIGSTOP);
	assert_int_equal(reader_open(r, &(struct reader_open){.path = "/bin/sh"}, &f), -ETIMEDOUT);
	assert_int_equal(reader_open(r, &(struct reader_open){.path = "/bin/sh"}, &f), -ETIMEDOUT);
	assert_in_range(reader_now_ns() - begin, 1000000000, 4000000000);
	assert_int_equal(reader_open(r, &(struct reader_open){.path = "/bin/true"}, &f), 0);
}

void reader_test_status(pid_t pid, const char *key, char *buf, size_t size)
{
	char path[64], line[256];
	FILE *f;

	snprintf(path, sizeof(path), "/proc/%d/status", pid);
	f = fopen(path, "re");
	assert_non_null(f);
	buf[0] = '\0';
	while (fgets(line, sizeof(line), f))
		if (strncmp(line, key, strlen(key)) == 0 && line[strlen(key)] == ':')
			snprintf(buf, size, "%s", line + strlen(key) + 2);
	buf[strcspn(buf, "\n")] = '\0';
	fclose(f);
}

void has_nothing_to_lose(void **state)
{
	static const char *const lines[][2] = {
		{"Uid", "65534\t65534\t65534\t65534"},
		{"Gid", "65534\t65534\t65534\t65534"},
		{"CapEff", "0000010000080004"},
		{"CapPrm", "0000010000080004"},
		{"CapInh", "0000000000000000"},
		{"CapBnd", "0000000000000000"},
		{"CapAmb", "0000000000000000"},
		{"NoNewPrivs", "1"},
		{"Seccomp", "2"},
	};
	int leaked = open("/etc/hostname", O_RDONLY); /* without O_CLOEXEC */
	char text[256], command[256];
	struct reader *r;
	pid_t pid;

	reader_free(*state);
	assert_int_equal(reader_new(&r), 0);
	*state = r;
	assert_true(leaked >= 0);
	open_self(r, &(struct reader_file){0});
	pid = reader_pid(r);
	for (size_t i = 0; i < sizeof(lines) / sizeof(lines[0]); i++) {
		reader_test_status(pid, lines[i][0], text, sizeof(text));
		assert_string_equal(text, lines[i][1]);
	}
	assert_int_equal(getpriority(PRIO_PROCESS, (id_t)pid), 10);
	/* What it answered with is closed after the answer. */
	snprintf(command, sizeof(command),
		 "for i in $(seq 100); do test $(ls /proc/%d/fd | wc -l) = 4 && exit; sleep 0.05; done; exit 1",
		 pid);
	assert_int_equal(system(command), 0);
	snprintf(command, sizeof(command), "test $(tr -d '\\0' < /proc/%d/environ | wc -c) = 0",
		 pid);
	assert_int_equal(system(command), 0);
	/* Ctrl-C reaches the whole group. */
	kill(pid, SIGINT);
	kill(pid, SIGTERM);
	usleep(20000);
	assert_int_equal(kill(pid, 0), 0);
	open_self(r, &(struct reader_file){0});
	assert_int_equal(reader_pid(r), pid);
	close(leaked);
}

void dies_with_the_tool(void **state)
{
	int out[2];
	pid_t tool, child = 0;

	assert_int_equal(pipe(out), 0);
	tool = fork();
	if (tool == 0) {
		struct reader_file f;
		struct reader *r;

		if (reader_new(&r) < 0)
			_exit(1);
		open_self(r, &f);
		child = reader_pid(r);
		/* A child that can't see the end of its socket. */
		kill(child, SIGSTOP);
		if (write(out[1], &child, sizeof(child)) < 0)
			_exit(1);
		for (;;)
			pause();
	}
	assert_int_equal(read(out[0], &child, sizeof(child)), sizeof(child));
	assert_int_equal(kill(child, 0), 0);
	end(tool);
	for (int ms = 0; ms < 1000 && kill(child, 0) == 0; ms++) {
		char state_of[64];

		reader_test_status(child, "State", state_of, sizeof(state_of));
		if (state_of[0] == 'Z')
			break;
		usleep(1000);
		assert_true(ms < 999);
	}
}

/* What the list of system calls is worth: each of these ends the child by SIGSYS. */
static void ask_for_a_socket(void)
{
	socket(AF_INET, SOCK_STREAM, 0);
}

/* As libdw would, by a name in a file. This one is refused and not deadly. */
static void open_a_file(void)
{
	if (open("/dev/null", O_RDONLY | O_CLOEXEC) < 0 && errno == EACCES)
		ask_for_a_socket();
}

static void map_code(void)
{
	mmap(NULL, 4096, PROT_READ | PROT_EXEC, MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);
}

static void run_a_program(void)
{
	execl("/bin/true", "true", NULL);
}

static void signal_another(void)
{
	kill(getppid(), 0);
}

void forbidden_calls(void **state)
{
	static void (*const calls[])(void) = {ask_for_a_socket, open_a_file, map_code,
					      run_a_program, signal_another};
	static const int allowed[] = {231 /* exit_group on x86-64 */, 94 /* on arm64 */, -1};

	for (size_t i = 0; i < sizeof(calls) / sizeof(calls[0]); i++) {
		const struct sandbox s = {.parent = getpid(),
					  .data_bytes = 64u << 20,
					  .address_bytes = 1u << 30,
					  .files = 16,
					  .syscalls = allowed};
		pid_t pid = fork();
		int status;

		if (pid == 0) {
			if (sandbox_enter(&s, 3) < 0)
				_exit(1);
			calls[i]();
			_exit(0);
		}
		assert_int_equal(waitpid(pid, &status, 0), pid);
		assert_true(WIFSIGNALED(status));
		assert_int_equal(WTERMSIG(status), SIGSYS);
	}
}
