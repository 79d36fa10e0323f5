// SPDX-License-Identifier: BSD-2-Clause
/* The reader and the files that it is asked about. */
#include <errno.h>
#include <fcntl.h>
#include <sched.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/mount.h>
#include <sys/stat.h>
#include <unistd.h>

#include "reader_driver.h"
#include "user/reader/reader_process.h"

void names_this_program(void **state)
{
	struct reader *r = *state;
	struct reader_file f, again, libc;
	struct reader_cost cost;
	struct mapping m;
	struct stat st;
	uint64_t address;

	open_self(r, &f);
	assert_int_equal(stat("/proc/self/exe", &st), 0);
	assert_int_equal(f.inode, st.st_ino);
	assert_int_equal(f.size, st.st_size);
	assert_true(f.build_id_size >= 16);
	assert_string_equal(name_at(r, &f, file_offset(a_function_to_find)), "a_function_to_find");
	open_self(r, &again);
	assert_int_equal(again.id, f.id);
	assert_false(reader_file_address(&f, 0, &address));
	assert_true(find_mapping(getpid(), "libc.so.6", &m));
	assert_int_equal(reader_open(r, &m.open, &libc), 0);
	assert_int_not_equal(libc.id, f.id);
	assert_string_equal(name_at(r, &libc, (uintptr_t)&sethostname - m.open.start + m.offset),
			    "sethostname");
	reader_cost(r, &cost);
	assert_in_range(cost.cpu_ns, 100000, 1000000000);
	assert_in_range(cost.rss_bytes, 500000, 64000000);
	assert_int_equal(cost.started, 1);
}

void image_in_memory(void **state)
{
	struct reader *r = *state;
	uint64_t addresses[8192 / 16];
	struct reader_file f;
	struct names n = {0};
	struct mapping m;

	assert_true(find_mapping(getpid(), "[vdso]", &m));
	assert_int_equal(reader_open_image(r, "[vdso]", (const void *)(uintptr_t)m.open.start,
					   m.open.end - m.open.start, &f),
			 0);
	for (size_t i = 0; i < 8192 / 16; i++)
		addresses[i] = i * 16;
	assert_int_equal(reader_symbols(r, f.id, addresses, 8192 / 16, note_name, &n), 0);
	assert_true(n.calls > 0);
	assert_non_null(strstr(n.last, "vdso"));
	assert_int_equal(reader_open_image(r, "bad", "nonsense", 8, &f), -ENOEXEC);
}

/* As others have to name it. */
static const char *self(void)
{
	static char path[64];

	snprintf(path, sizeof(path), "/proc/%d/exe", getpid());
	return path;
}

void stripped_program(void **state)
{
	struct reader *r = *state;
	struct reader_file f;
	char command[256];
	struct mapping m;
	pid_t pid;

	copy(self(), in_dir("stripped"));
	snprintf(command, sizeof(command), "strip %s", in_dir("stripped"));
	assert_int_equal(system(command), 0);
	pid = sleeper(in_dir("stripped"));
	assert_true(find_mapping(pid, "stripped", &m));
	assert_int_equal(reader_open(r, &m.open, &f), 0);
	assert_string_equal(name_at(r, &f, m.offset + 0x800), "");
	assert_true(f.build_id_size > 0);
	end(pid);
}

/* What is mapped is read, not what has taken its path; also when the mapping was split meanwhile.
 */
void replaced_program(void **state)
{
	struct reader *r = *state;
	struct reader_file f, late;
	struct mapping m;
	pid_t pid;

	copy(self(), in_dir("program"));
	pid = sleeper(in_dir("program"));
	assert_true(find_mapping(pid, "program", &m));
	copy("/bin/true", in_dir("program"));
	assert_int_equal(reader_open(r, &m.open, &f), 0);
	assert_string_equal(name_at(r, &f, file_offset(a_function_to_find)), "a_function_to_find");
	m.open.end -= 4096;
	assert_int_equal(reader_open(r, &m.open, &late), 0);
	assert_int_equal(late.id, f.id);
	end(pid);
	/* Its end changes nothing for those who had it open; the others are told why. */
	assert_string_equal(name_at(r, &f, file_offset(a_function_to_find)), "a_function_to_find");
	reader_close(r, f.id);
	reader_close(r, f.id);
	assert_int_equal(reader_open(r, &m.open, &late), -ESTALE);
	assert_string_equal(reader_last_reason(r), "symbols: file was replaced");
	assert_int_equal(unlink(in_dir("program")), 0);
	assert_int_equal(reader_open(r, &m.open, &late), -ENOENT);
	assert_int_equal(reader_symbols(r, f.id, &(uint64_t){0}, 1, note_name, NULL), -EINVAL);
}

/* Runs a command in the test's directory, with $SELF for this program. */
static void run(const char *what)
{
	char command[1024];

	snprintf(command, sizeof(command), "cd %s && SELF=%s && %s", reader_test_dir, self(), what);
	assert_int_equal(system(command), 0);
}

static void count_inlined(void *arg, const struct reader_symbol *s)
{
	note_name(arg, s);
	((struct names *)arg)->calls += s->inlined ? 100 : 0;
	((struct names *)arg)->calls += *s->file && s->line ? 1000 : 0;
}

/* A stripped program and its debug file, as a developer installs it: beside it. */
void debug_file_by_link(void **state)
{
	struct reader *r = *state;
	const uint64_t at = file_offset(a_function_to_find);
	struct reader_file f;
	struct names n = {0};
	uint64_t address;
	char path[128];

	run("mkdir .debug && objcopy --only-keep-debug $SELF .debug/p.dbg && "
	    "objcopy -S --add-gnu-debuglink=.debug/p.dbg $SELF p && cp p q");
	snprintf(path, sizeof(path), "%s", in_dir("p"));
	assert_int_equal(reader_open(r, &(struct reader_open){.path = path}, &f), 0);
	assert_true(reader_file_address(&f, at, &address));
	assert_int_equal(reader_symbols(r, f.id, &address, 1, count_inlined, &n), 0);
	assert_string_equal(n.last, "a_function_to_find");
	assert_int_equal(n.calls, 1001);
	/* One of another build by the same name is none: the stripped program alone has no names.
	 */
	run("cp /bin/true .debug/p.dbg");
	assert_string_equal(name_at(r, &f, at), "");
	run("mkfifo fifo && mv fifo .debug/p.dbg");
	assert_string_equal(name_at(r, &f, at), "");
	assert_int_equal(count(r, READER_TIMED_OUT) + count(r, READER_LINES_DIED), 0);
}

/* The same by build ID, in the mount name space of the process: a container brings its own. */
void debug_file_by_build_id(void **state)
{
	struct reader *r = *state;
	struct reader_file f;
	struct mapping m;
	int ready[2];
	pid_t pid;
	char c;

	run("objcopy -S $SELF stripped");
	assert_int_equal(pipe(ready), 0);
	pid = fork();
	if (pid == 0) {
		if (unshare(CLONE_NEWNS) < 0 ||
		    mount(NULL, "/", NULL, MS_REC | MS_PRIVATE, NULL) < 0 ||
		    mount("tmpfs", "/usr/lib/debug", "tmpfs", 0, NULL) < 0)
			_exit(1);
		run("id=$(readelf -n stripped | sed -n 's/.*Build ID: //p') && rest=${id#??} && "
		    "dir=/usr/lib/debug/.build-id/${id%$rest} && mkdir -p $dir && "
		    "objcopy --only-keep-debug $SELF $dir/$rest.debug");
		dup2(ready[1], 1);
		execl(in_dir("stripped"), "stripped", "--sleep", NULL);
		_exit(3);
	}
	close(ready[1]);
	assert_int_equal(read(ready[0], &c, 1), 1);
	close(ready[0]);
	assert_true(find_mapping(pid, "stripped", &m));
	assert_int_equal(reader_open(r, &m.open, &f), 0);
	assert_string_equal(name_at(r, &f, file_offset(a_function_to_find)), "a_function_to_find");
	end(pid);
	/* It was never on this machine. */
	assert_string_equal(name_at(r, &f, file_offset(a_function_to_find)), "");
}

/* A program in a root of its own, and a link there that leads out of it. */
void other_root(void **state)
{
	struct reader *r = *state;
	struct reader_open by_path = {.path = "/bin/program"};
	struct reader_file f;
	struct mapping m;
	int ready[2];
	pid_t pid;
	char c;

	assert_int_equal(mkdir(in_dir("root"), 0755), 0);
	assert_int_equal(pipe(ready), 0);
	pid = fork();
	if (pid == 0) {
		char command[512];

		/* A mount that nobody else sees, and a root that only this process has. */
		if (unshare(CLONE_NEWNS) < 0 ||
		    mount(NULL, "/", NULL, MS_REC | MS_PRIVATE, NULL) < 0 ||
		    mount("tmpfs", in_dir("root"), "tmpfs", 0, NULL) < 0)
			_exit(1);
		snprintf(command, sizeof(command),
			 "cd %s && mkdir bin && cp /proc/%d/exe bin/program && "
			 "ln -s /etc/hostname escape && for l in $(ldd bin/program | grep -o '/[^ "
			 "]*'); do "
			 "mkdir -p ./${l%%/*} && cp $l ./$l; done",
			 in_dir("root"), getppid());
		if (system(command) != 0 || chroot(in_dir("root")) < 0 || chdir("/") < 0)
			_exit(2);
		dup2(ready[1], 1);
		execl("/bin/program", "program", "--sleep", NULL);
		_exit(3);
	}
	close(ready[1]);
	assert_int_equal(read(ready[0], &c, 1), 1);
	close(ready[0]);
	by_path.pid = pid;
	assert_int_equal(reader_open(r, &by_path, &f), 0);
	assert_string_equal(name_at(r, &f, file_offset(a_function_to_find)), "a_function_to_find");
	assert_true(find_mapping(pid, "/bin/program", &m));
	assert_int_equal(reader_open(r, &m.open, &f), 0);
	by_path.path = "/escape";
	assert_int_equal(reader_open(r, &by_path, &f), -ENOENT);
	by_path.path = "/../../../../../etc/hostname";
	assert_int_equal(reader_open(r, &by_path, &f), -ENOENT);
	by_path.path = "/proc/self/exe";
	assert_int_equal(reader_open(r, &by_path, &f), -ENOENT);
	end(pid);
}

void not_regular_files(void **state)
{
	static const char *const links[][2] = {{"/dev/zero", "zero"}, {"/dev/stdin", "stdin"}};
	struct reader *r = *state;
	int64_t begin = reader_now_ns();
	struct reader_file f;
	int fd;

	assert_int_equal(mkfifo(in_dir("fifo"), 0666), 0);
	assert_int_equal(reader_open(r, &(struct reader_open){.path = in_dir("fifo")}, &f),
			 -EINVAL);
	assert_string_equal(reader_last_reason(r), "symbols: not a regular file");
	for (int i = 0; i < 2; i++) {
		assert_int_equal(symlink(links[i][0], in_dir(links[i][1])), 0);
		assert_true(reader_open(r, &(struct reader_open){.path = in_dir(links[i][1])}, &f) <
			    0);
	}
	assert_int_equal(reader_open(r, &(struct reader_open){.path = reader_test_dir}, &f),
			 -EINVAL);
	assert_int_equal(reader_open(r, &(struct reader_open){.path = "/nowhere"}, &f), -ENOENT);
	assert_int_equal(reader_open(r, &(struct reader_open){.path = "/etc/hostname"}, &f),
			 -ENOEXEC);
	fd = open(in_dir("huge"), O_CREAT | O_WRONLY | O_CLOEXEC, 0600);
	assert_int_equal(ftruncate(fd, 1ll << 40), 0);
	close(fd);
	assert_int_equal(reader_open(r, &(struct reader_open){.path = in_dir("huge")}, &f), -EFBIG);
	assert_in_range(reader_now_ns() - begin, 0, 500000000);
	assert_int_equal(count(r, READER_NOT_REGULAR), 3);
}

/* Bits of a real program turned over, mostly where the headers and tables are: no child dies of it.
 */
void damaged_programs(void **state)
{
	struct reader *r = *state;
	int from = open("/proc/self/exe", O_RDONLY | O_CLOEXEC), opened = 0, refused = 0;
	uint64_t addresses[512], size;
	struct reader_cost cost;
	struct reader_file f;
	struct stat st;
	uint8_t *image;

	assert_int_equal(fstat(from, &st), 0);
	size = (uint64_t)st.st_size;
	image = mmap(NULL, size, PROT_READ | PROT_WRITE, MAP_PRIVATE, from, 0);
	assert_ptr_not_equal(image, MAP_FAILED);
	close(from);
	srand(1);
	for (size_t i = 0; i < 512; i++)
		addresses[i] = i * 256;
	for (int variant = 0; variant < 500; variant++) {
		/* A third each: the ELF and program headers, the section headers at the end,
		 * anywhere. */
		uint64_t span = variant % 3 == 0 ? 1024 : variant % 3 == 1 ? 4096 : size;
		uint64_t at = variant % 3 == 1 ? size - span : 0;
		struct names n = {0};

		for (int bit = 0; bit < 8; bit++)
			image[at + (uint64_t)rand() % span] ^= (uint8_t)(1 << rand() % 8);
		if (reader_open_image(r, "damaged", image, size, &f) == 0) {
			opened++;
			reader_symbols(r, f.id, addresses, 512, note_name, &n);
			reader_close(r, f.id);
		} else {
			refused++;
		}
		if (variant % 20 == 19) {
			/* Afresh, or nothing would be left to read. */
			from = open("/proc/self/exe", O_RDONLY | O_CLOEXEC);
			assert_int_equal(pread(from, image, size, 0), size);
			close(from);
		}
	}
	munmap(image, size);
	assert_int_equal(opened + refused, 500);
	assert_true(opened > 50 && refused > 50);
	reader_cost(r, &cost);
	assert_int_equal(cost.started, 1);
}

static void write_file(const char *path, const char *text, uid_t uid)
{
	FILE *f = fopen(path, "we");

	assert_non_null(f);
	fputs(text, f);
	fclose(f);
	assert_int_equal(chown(path, uid, uid), 0);
}

void perf_maps(void **state)
{
	struct reader *r = *state;
	const uint64_t addresses[] = {0x1008, 0x5000};
	struct names n = {0};
	struct reader_file f;
	char path[64], target[128];
	pid_t pid;

	/* Another user's process. */
	pid = fork();
	if (pid == 0) {
		if (setresuid(12345, 12345, 12345) == 0)
			for (;;)
				pause();
		_exit(1);
	}
	usleep(50000);
	snprintf(path, sizeof(path), "/tmp/perf-%d.map", pid);
	snprintf(target, sizeof(target), "%s", in_dir("target"));
	assert_int_equal(reader_open_perf_map(r, pid, pid, &f), -ENOENT);
	write_file(path, "1000 10 jitted\x1b[31m code\n", 12345);
	assert_int_equal(reader_open_perf_map(r, pid, pid, &f), 0);
	assert_int_equal(reader_symbols(r, f.id, addresses, 2, note_name, &n), 0);
	assert_int_equal(n.calls, 1);
	assert_string_equal(n.last, "jitted?[31m code");
	/* It grows while it is used. */
	write_file(path, "1000 10 jitted\n5000 1 second\n", 12345);
	assert_int_equal(reader_symbols(r, f.id, addresses, 2, note_name, &n), 0);
	assert_string_equal(n.last, "second");
	/* Root's own file is not the process's. */
	write_file(path, "1000 10 planted\n", 0);
	assert_int_equal(reader_open_perf_map(r, pid, pid, &f), -EPERM);
	assert_int_equal(unlink(path), 0);
	write_file(target, "1000 10 linked\n", 0);
	assert_int_equal(symlink(target, path), 0);
	assert_int_equal(reader_open_perf_map(r, pid, pid, &f), -EPERM);
	assert_int_equal(unlink(path), 0);
	assert_int_equal(mkfifo(path, 0666), 0);
	assert_int_equal(chown(path, 12345, 12345), 0);
	assert_int_equal(reader_open_perf_map(r, pid, pid, &f), -EINVAL);
	assert_int_equal(unlink(path), 0);
	write_file(path, "1000 10 big\n", 12345);
	assert_int_equal(truncate(path, 10ll << 30), 0);
	assert_int_equal(reader_open_perf_map(r, pid, pid, &f), 0);
	assert_int_equal(reader_symbols(r, f.id, addresses, 2, note_name, &n), -EFBIG);
	assert_int_equal(unlink(path), 0);
	end(pid);
	assert_int_equal(reader_open_perf_map(r, pid, pid, &f), -ENOENT);
}

/* More addresses than one request takes, in no order: each with a name is told of once. */
struct seen {
	uint8_t times[20000];
	const uint64_t *addresses;
	bool wrong;
};

static void note_seen(void *arg, const struct reader_symbol *s)
{
	struct seen *seen = arg;

	seen->times[s->index] += !s->inlined;
	seen->wrong |= s->start > seen->addresses[s->index];
}

void many_addresses(void **state)
{
	struct reader *r = *state;
	static uint64_t addresses[20000];
	static struct seen seen;
	size_t named = 0;
	struct reader_file f;
	struct mapping m;

	assert_true(find_mapping(getpid(), "libc.so.6", &m));
	assert_int_equal(reader_open(r, &m.open, &f), 0);
	srand(2);
	for (size_t i = 0; i < 20000; i++)
		addresses[i] = f.loads[0].vaddr + (uint64_t)rand() % f.loads[0].size;
	seen.addresses = addresses;
	assert_int_equal(reader_symbols(r, f.id, addresses, 20000, note_seen, &seen), 0);
	assert_false(seen.wrong);
	for (size_t i = 0; i < 20000; i++) {
		assert_in_range(seen.times[i], 0, 1);
		named += seen.times[i];
	}
	assert_in_range(named, 5000, 20000);
	assert_int_equal(reader_symbols(r, f.id, NULL, 0, note_seen, &seen), 0);
}

/* 400 files: more than descriptors are held. The first ones are opened again when they are asked
 * for. */
void many_files(void **state)
{
	struct reader *r = *state;
	static struct reader_file files[400];
	char path[128];

	for (int i = 0; i < 400; i++) {
		snprintf(path, sizeof(path), "%s/copy-%d", reader_test_dir, i);
		copy(self(), path);
		assert_int_equal(reader_open(r, &(struct reader_open){.path = path}, &files[i]), 0);
	}
	for (int i = 0; i < 400; i += 57)
		assert_string_equal(name_at(r, &files[i], file_offset(a_function_to_find)),
				    "a_function_to_find");
	for (int i = 0; i < 400; i++)
		reader_close(r, files[i].id);
	assert_int_equal(reader_open(r, &(struct reader_open){.path = "/bin/true"}, &files[0]), 0);
	assert_in_range(files[0].id, 1, 400);
}
