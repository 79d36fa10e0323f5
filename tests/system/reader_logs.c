// SPDX-License-Identifier: BSD-2-Clause
/* A reader child with a client's rights: what it may and may not, and what becomes of it. */
#include <errno.h>
#include <fcntl.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/prctl.h>
#include <sys/stat.h>
#include <sys/wait.h>
#include <unistd.h>

#include "reader_driver.h"
#include "user/lib/logs/log_proto.h"
#include "user/reader/reader_process.h"
#include "user/reader/reader_rights.h"

/* What an answer said: the texts of lines, and each source with its state. */
struct told {
	char lines[1024], sources[1024];
	struct log_answer answer;
};

static int hear(void *arg, const void *payload, size_t size, int fd)
{
	struct told *t = arg;
	struct log_record r;
	const char *text;
	size_t at = 0;
	int more;

	assert_int_equal(fd, -1);
	while ((more = log_record_next(payload, size, &at, &t->answer, &r, &text)) > 0) {
		char *to = r.kind == LOG_LINE ? t->lines : t->sources;

		snprintf(to + strlen(to), 1024 - strlen(to), "%s%s%s%s", text,
			 r.kind == LOG_LINE ? "" : "=",
			 r.kind == LOG_LINE ? "" : log_state_text(r.state), "|");
	}
	return more;
}

static struct reader_process process;
static char rights_text[READER_RIGHTS_BYTES];

static void begin(const struct reader_rights *rights)
{
	reader_rights_print(rights, rights_text);
	assert_int_equal(reader_process_init(&process), 0);
	process.rights = rights_text;
}

/* Asks the child; its answer, which lives until the next one. */
static enum reader_reason ask(uint32_t kind, const char *pattern, int64_t patience_ms,
			      struct told *ret)
{
	struct reader_request *q = calloc(1, READER_PACKET_MAX);
	struct log_query query = {.want = {.clock.now_ns = INT64_MAX / 2, .lines_max = 100}};
	enum reader_reason reason;

	assert_non_null(q);
	*ret = (struct told){.answer.lines_max = 100};
	q->kind = kind;
	q->n = sizeof(query) / sizeof(uint64_t);
	snprintf(q->where.path, sizeof(q->where.path), "%s", pattern);
	memcpy(q->addresses, &query, sizeof(query));
	reason = reader_process_call(&process, q, -1, reader_now_ns() + patience_ms * 1000000, hear,
				     ret);
	free(q);
	return reason;
}

static void put(const char *path, const char *text, uid_t uid, gid_t gid, mode_t mode)
{
	FILE *f = fopen(path, "we");

	assert_non_null(f);
	fputs(text, f);
	fclose(f);
	assert_int_equal(chown(path, uid, gid), 0);
	assert_int_equal(chmod(path, mode), 0);
}

static void check_status(const char *const lines[][2], size_t n)
{
	char text[256];

	for (size_t i = 0; i < n; i++) {
		reader_test_status(process.pid, lines[i][0], text, sizeof(text));
		assert_string_equal(text, lines[i][1]);
	}
}
#define CHECK_STATUS(lines) check_status(lines, sizeof(lines) / sizeof((lines)[0]))

void logs_with_the_clients_rights(void **state)
{
	static const char *const client[][2] = {
		{"Uid", "64201\t64201\t64201\t64201"}, {"Gid", "64202\t64202\t64202\t64202"},
		{"Groups", "64203 64204 "},	       {"CapEff", "0000000000000000"},
		{"CapPrm", "0000000000000000"},	       {"CapInh", "0000000000000000"},
		{"CapBnd", "0000000000000000"},	       {"CapAmb", "0000000000000000"},
		{"NoNewPrivs", "1"},		       {"Seccomp", "2"},
	};
	const struct reader_rights rights = {.own_root = true, .uid = 64201, .gid = 64202,
					     .n_groups = 2, .groups = {64203, 64204}};
	char pattern[256];
	struct told t;

	put(in_dir("a.log"), "of its user\n", 64201, 0, 0600);
	put(in_dir("b.log"), "of its group\n", 0, 64204, 0640);
	put(in_dir("c.log"), "of others\n", 0, 0, 0600);
	begin(&rights);
	snprintf(pattern, sizeof(pattern), "%s", in_dir("?.log"));
	assert_int_equal(ask(READER_LOGS, pattern, 5000, &t), READER_NONE);
	assert_non_null(strstr(t.lines, "of its user|"));
	assert_non_null(strstr(t.lines, "of its group|"));
	assert_null(strstr(t.lines, "of others"));
	assert_non_null(strstr(t.sources, "c.log=no permission|"));
	CHECK_STATUS(client);
	/* Nothing but logs is to be had from it, and no logs from the others. */
	assert_int_equal(ask(READER_OPEN, in_dir("a.log"), 5000, &t), READER_DENIED);
	assert_int_equal(ask(READER_JOURNAL, "x.service", 5000, &t), READER_DENIED);
	reader_process_release(&process);
	assert_int_equal(reader_process_init(&process), 0);
	assert_int_equal(ask(READER_LOGS, pattern, 5000, &t), READER_DENIED);
	assert_string_equal(t.sources, "");
	reader_process_release(&process);
}

void logs_as_root(void **state)
{
	static const char *const nobody[][2] = {
		{"Uid", "65534\t65534\t65534\t65534"},
		{"CapEff", "0000000000000004"}, /* CAP_DAC_READ_SEARCH */
		{"CapBnd", "0000000000000000"},
	};
	const struct reader_rights rights = {.own_root = true, .as_root = true, .uid = 64201};
	struct told t;

	put(in_dir("a.log"), "of root\n", 0, 0, 0);
	begin(&rights);
	assert_int_equal(ask(READER_LOGS, in_dir("a.log"), 5000, &t), READER_NONE);
	assert_string_equal(t.lines, "of root|");
	CHECK_STATUS(nobody);
	reader_process_release(&process);
}

/* A process in a root of its own, or none. */
static pid_t jailed(void)
{
	int ready[2];
	pid_t pid;
	char c;

	assert_int_equal(mkdir(in_dir("root"), 0755), 0);
	assert_int_equal(mkdir(in_dir("root/real"), 0755), 0);
	put(in_dir("root/real/a.log"), "inside\n", 0, 0, 0644);
	put(in_dir("outside.log"), "outside\n", 0, 0, 0644);
	assert_int_equal(symlink("/real", in_dir("root/by-link")), 0);
	assert_int_equal(symlink("/../../../../..", in_dir("root/up")), 0);
	assert_int_equal(symlink("a.log", in_dir("root/real/last.log")), 0);
	assert_int_equal(pipe(ready), 0);
	pid = fork();
	if (pid == 0) {
		prctl(PR_SET_PDEATHSIG, SIGKILL); /* also where the test fails */
		if (chroot(in_dir("root")) < 0 || chdir("/") < 0 || write(ready[1], "r", 1) != 1)
			_exit(1);
		for (;;)
			pause();
	}
	assert_int_equal(read(ready[0], &c, 1), 1);
	close(ready[0]);
	close(ready[1]);
	return pid;
}

void logs_below_the_clients_root(void **state)
{
	struct reader_rights rights = {.uid = 65534, .gid = 65534};
	char outside[256];
	struct told t;
	pid_t pid = jailed();

	rights.pid = pid;
	begin(&rights);
	assert_int_equal(ask(READER_LOGS, "/real/a.log", 5000, &t), READER_NONE);
	assert_string_equal(t.lines, "inside|");
	/* A link on the way is followed, within the root; in the last place it isn't. */
	assert_int_equal(ask(READER_LOGS, "/by-*/a.log", 5000, &t), READER_NONE);
	assert_string_equal(t.lines, "inside|");
	assert_string_equal(t.sources, "/by-link/a.log=read|");
	assert_int_equal(ask(READER_LOGS, "/real/last.log", 5000, &t), READER_NONE);
	assert_string_equal(t.sources, "/real/last.log=a link: refused|");
	/* And there is no way out. */
	snprintf(outside, sizeof(outside), "/up%s", in_dir("outside.log"));
	assert_int_equal(ask(READER_LOGS, outside, 5000, &t), READER_NONE);
	assert_string_equal(t.lines, "");
	assert_int_equal(ask(READER_LOGS, "/../outside.log", 5000, &t), READER_NONE);
	assert_string_equal(t.lines, "");
	assert_string_equal(t.sources, "/../outside.log=no such file|");
	reader_process_release(&process);
	/* It is gone, and the root was not this tool's. */
	end(pid);
	begin(&rights);
	assert_int_equal(ask(READER_LOGS, "/real/a.log", 5000, &t), READER_NONE);
	assert_string_equal(t.sources,
			    "/real/a.log=the client's files are out of reach: it has ended|");
	reader_process_release(&process);
}

/* It is killed, it hangs, or its rights make no sense: there is an answer in time. */
void logs_of_a_child_that_fails(void **state)
{
	const struct reader_rights rights = {.own_root = true, .uid = 65534, .gid = 65534};
	int64_t began;
	struct told t;

	put(in_dir("a.log"), "x\n", 0, 0, 0644);
	begin(&rights);
	assert_int_equal(ask(READER_LOGS, in_dir("a.log"), 5000, &t), READER_NONE);
	kill(process.pid, SIGSTOP);
	began = reader_now_ns();
	assert_int_equal(ask(READER_LOGS, in_dir("a.log"), 300, &t), READER_TIMED_OUT);
	assert_in_range(reader_now_ns() - began, 300000000, 5000000000);
	assert_int_equal(ask(READER_LOGS, in_dir("a.log"), 5000, &t), READER_NONE);
	kill(process.pid, SIGKILL);
	usleep(20000);
	assert_int_equal(ask(READER_LOGS, in_dir("a.log"), 5000, &t), READER_NONE);
	assert_string_equal(t.lines, "x|");
	reader_process_release(&process);
	assert_int_equal(reader_process_init(&process), 0);
	process.rights = "1,2,3,nonsense";
	assert_int_equal(ask(READER_LOGS, in_dir("a.log"), 5000, &t), READER_NO_SANDBOX);
	assert_string_equal(t.lines, "");
	reader_process_release(&process);
}

void logs_rights_as_text(void **state)
{
	struct reader_rights r = {.pid = 7, .own_root = true, .journal = true, .uid = UINT32_MAX - 1,
				  .gid = 3, .n_groups = READER_GROUPS_MAX}, back;
	static const char *const bad[] = {"", "1", "1,2,3", "1,2,3,", "1,2,3,x", "1,2,3,4,,", "-1,2,3,4",
					  "1,2,3,4294967296", "1,2,3,4 ", "4294967295,2,3,4"};
	char text[READER_RIGHTS_BYTES], many[2048];

	for (size_t i = 0; i < READER_GROUPS_MAX; i++)
		r.groups[i] = UINT32_MAX - (uint32_t)i;
	reader_rights_print(&r, text);
	assert_int_equal(reader_rights_parse(text, &back), 0);
	assert_memory_equal(&r, &back, sizeof(r));
	for (size_t i = 0; i < sizeof(bad) / sizeof(bad[0]); i++)
		assert_int_equal(reader_rights_parse(bad[i], &back), -EINVAL);
	snprintf(many, sizeof(many), "%s,1", text);
	assert_int_equal(reader_rights_parse(many, &back), -EINVAL);
}
