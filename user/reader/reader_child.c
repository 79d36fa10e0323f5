// SPDX-License-Identifier: BSD-2-Clause
/* The reader child's main: lock itself in, then serve one request after the other. */
#include "user/reader/reader_child.h"

#include <errno.h>
#include <fcntl.h>
#include <linux/capability.h>
#include <malloc.h>
#include <seccomp.h>
#include <stdbool.h>
#include <stdlib.h>
#include <string.h>
#include <sys/resource.h>
#include <sys/socket.h>
#include <sys/syscall.h>
#include <sys/vfs.h>
#include <time.h>
#include <unistd.h>

#include "user/reader/reader.h"
#include "user/reader/sandbox.h"

#define CPU_SECONDS 10 /* for one request; the tool's patience ends before */
#define DATA_BYTES (512ull << 20)
#define ADDRESS_BYTES (16ull << 30)
#define FILE_BYTES (64ull << 20)
#define FILES 64
#define NICE 10
#define MMAP_FROM_BYTES (128 << 10)

static const int allowed[] = {
	SCMP_SYS(recvmsg),
	SCMP_SYS(sendmsg),
	SCMP_SYS(read),
	SCMP_SYS(pread64),
	SCMP_SYS(lseek),
	SCMP_SYS(close),
	SCMP_SYS(openat2),
	SCMP_SYS(fstat),
	SCMP_SYS(newfstatat),
	SCMP_SYS(statx),
	SCMP_SYS(fstatfs),
	SCMP_SYS(getdents64),
	SCMP_SYS(fcntl),
	SCMP_SYS(munmap),
	SCMP_SYS(mremap),
	SCMP_SYS(madvise),
	SCMP_SYS(brk),
	SCMP_SYS(memfd_create),
	SCMP_SYS(ftruncate),
	SCMP_SYS(pwrite64),
	SCMP_SYS(futex),
	SCMP_SYS(getrandom),
	SCMP_SYS(sysinfo) /* qsort */,
	SCMP_SYS(clock_gettime),
	SCMP_SYS(restart_syscall),
	SCMP_SYS(rt_sigprocmask),
	SCMP_SYS(rt_sigreturn),
	SCMP_SYS(exit),
	SCMP_SYS(exit_group),
	-1,
};

/* Calls on a file there can wait for somebody else, and so can closing it: the tool gets no
 * descriptor. */
static bool remote(int fd)
{
	static const uint32_t kinds[] = {
		0x65735546 /* fuse, virtiofs */, 0x6969 /* nfs */,	  0xff534d42 /* cifs */,
		0xfe534d42 /* smb2 */,		 0x517b /* smb */,	  0x01021997 /* 9p */,
		0x00c36400 /* ceph */,		 0x5346414f /* afs */,	  0x6b414653 /* kafs */,
		0x73757245 /* coda */,		 0x0bd00bd0 /* lustre */, 0x01161970 /* gfs2 */,
		0x7461636f /* ocfs2 */,
	};
	struct statfs fs;

	if (fstatfs(fd, &fs) < 0)
		return true;
	for (size_t i = 0; i < sizeof(kinds) / sizeof(kinds[0]); i++)
		if ((uint32_t)fs.f_type == kinds[i])
			return true;
	return false;
}

static int send_packet(struct reader_job *job, enum reader_reason reason, bool more)
{
	struct reader_answer a = {
		.kind = job->request->kind,
		.reason = reason,
		.serial = job->request->serial,
		.bytes = job->bytes,
		.more = more,
	};
	struct iovec iov[] = {{&a, sizeof(a)}, {job->payload, job->bytes}};
	union {
		struct cmsghdr header;
		char bytes[CMSG_SPACE(sizeof(int))];
	} control = {0};
	struct msghdr msg = {.msg_iov = iov, .msg_iovlen = 2};

	if (job->answer_fd >= 0 && !more) {
		msg.msg_control = control.bytes;
		msg.msg_controllen = sizeof(control.bytes);
		control.header = (struct cmsghdr){.cmsg_len = CMSG_LEN(sizeof(int)),
						  .cmsg_level = SOL_SOCKET,
						  .cmsg_type = SCM_RIGHTS};
		memcpy(CMSG_DATA(&control.header), &job->answer_fd, sizeof(int));
	}
	job->bytes = 0;
	return sendmsg(job->socket, &msg, MSG_NOSIGNAL) < 0 ? -errno : 0;
}

void *reader_job_room(struct reader_job *job, uint32_t n)
{
	void *room;

	if (n > sizeof(job->payload))
		return NULL;
	if (n > sizeof(job->payload) - job->bytes && send_packet(job, READER_NONE, true) < 0)
		return NULL;
	room = job->payload + job->bytes;
	job->bytes += n;
	return room;
}

static enum reader_reason serve_open(struct reader_job *job)
{
	struct reader_identity *id = reader_job_room(job, sizeof(*id));
	const struct stat *st = &job->st;
	struct elf_image e;
	int err;

	*id = (struct reader_identity){
		.dev = st->st_dev,
		.inode = st->st_ino,
		.size = (uint64_t)st->st_size,
		.mtime_ns = st->st_mtim.tv_sec * 1000000000LL + st->st_mtim.tv_nsec,
		.ctime_ns = st->st_ctim.tv_sec * 1000000000LL + st->st_ctim.tv_nsec,
		.remote = remote(job->fd),
	};
	if (job->request->where.kind == READER_ELF) {
		err = elf_image_open(&e, job->fd, id->size);
		if (err < 0) {
			job->bytes = 0;
			return reader_child_reason(err);
		}
		id->machine = e.machine;
		id->is64 = e.is64;
		id->build_id_size = e.build_id_size;
		memcpy(id->build_id, e.build_id, e.build_id_size);
		id->n_loads = e.n_loads;
		memcpy(id->loads, e.loads, sizeof(id->loads));
		elf_image_release(&e);
	}
	job->answer_fd = id->remote ? -1 : fcntl(job->fd, F_DUPFD_CLOEXEC, 0);
	return READER_NONE;
}

static enum reader_reason (*const services[READER_KIND_N])(struct reader_job *) = {
	[READER_OPEN] = serve_open,
	[READER_SYMBOLS] = reader_serve_symbols,
	[READER_TABLE] = reader_serve_table,
	[READER_LOGS] = reader_serve_logs,
	[READER_JOURNAL] = reader_serve_journal,
};

/* The limit counts from the process's begin. */
static void limit_cpu(void)
{
	struct timespec used;
	struct rlimit limit = {RLIM_INFINITY, RLIM_INFINITY};

	getrlimit(RLIMIT_CPU, &limit);
	clock_gettime(CLOCK_PROCESS_CPUTIME_ID, &used);
	limit.rlim_cur = (rlim_t)used.tv_sec + CPU_SECONDS;
	if (limit.rlim_cur < limit.rlim_max)
		setrlimit(RLIMIT_CPU, &limit);
}

static enum reader_reason serve(struct reader_job *job)
{
	const struct reader_request *q = job->request;
	enum reader_reason reason = READER_NONE;
	bool is_log = q->kind == READER_LOGS || q->kind == READER_JOURNAL;

	if (is_log != (job->rights != NULL))
		return READER_DENIED;
	if (is_log)
		return services[q->kind](job);
	if (job->fd < 0)
		reason = reader_child_open(&q->where, &job->fd, &job->st);
	else if (fstat(job->fd, &job->st) < 0)
		reason = READER_READ;
	if (reason == READER_NONE && (uint64_t)job->st.st_size > READER_FILE_BYTES_MAX)
		reason = READER_TOO_BIG;
	return reason == READER_NONE ? services[q->kind](job) : reason;
}

/* A request, and the descriptor that came with it or -1. False: the tool is gone, or not itself. */
static bool receive(int socket, struct reader_request *q, int *ret_fd)
{
	union {
		struct cmsghdr header;
		char bytes[CMSG_SPACE(sizeof(int))];
	} control = {0};
	struct iovec iov = {q, READER_PACKET_MAX};
	struct msghdr msg = {.msg_iov = &iov,
			     .msg_iovlen = 1,
			     .msg_control = control.bytes,
			     .msg_controllen = sizeof(control.bytes)};
	const struct cmsghdr *c;
	ssize_t n;

	do
		n = recvmsg(socket, &msg, MSG_CMSG_CLOEXEC);
	while (n < 0 && errno == EINTR);
	c = CMSG_FIRSTHDR(&msg);
	*ret_fd = -1;
	if (n > 0 && c && c->cmsg_level == SOL_SOCKET && c->cmsg_type == SCM_RIGHTS &&
	    c->cmsg_len == CMSG_LEN(sizeof(int)))
		memcpy(ret_fd, CMSG_DATA(c), sizeof(int));
	return n >= (ssize_t)sizeof(*q) && q->kind < READER_KIND_N && services[q->kind] &&
	       q->where.kind < READER_FILE_KIND_N && q->n <= READER_ADDRESSES_MAX &&
	       (size_t)n == sizeof(*q) + q->n * sizeof(uint64_t);
}

static int enter(pid_t parent, struct reader_job *job)
{
	const struct sandbox sandbox = {
		.parent = parent,
		/* Another user's process and files; map_files asks for the last one, since 5.9. */
		.capabilities = 1ull << CAP_SYS_PTRACE | 1ull << CAP_DAC_READ_SEARCH |
				1ull << CAP_CHECKPOINT_RESTORE,
		.data_bytes = DATA_BYTES,
		.address_bytes = ADDRESS_BYTES,
		.file_bytes = FILE_BYTES,
		.files = FILES,
		.nice = NICE,
		.syscalls = allowed,
	};

	return job->rights ? reader_log_enter(job, &sandbox)
			   : sandbox_enter(&sandbox, READER_SOCKET_FD);
}

int reader_child_main(int argc, char **argv)
{
	static struct reader_job job = {.socket = READER_SOCKET_FD, .fd = -1, .answer_fd = -1};
	static struct reader_rights rights;
	struct reader_request *q = calloc(1, READER_PACKET_MAX);
	int err = (argc == 2 || argc == 3) && q ? 0 : -EINVAL;
	enum reader_reason reason;

	if (!q)
		return 2;
	/* What a large file took is given back, however often such a size comes. */
	mallopt(M_MMAP_THRESHOLD, MMAP_FROM_BYTES);
	mallopt(M_TRIM_THRESHOLD, MMAP_FROM_BYTES);
	if (err == 0 && argc == 3) {
		err = reader_rights_parse(argv[2], &rights);
		job.rights = &rights;
	}
	if (err == 0)
		err = enter((pid_t)strtol(argv[1], NULL, 10), &job);
	reason = err < 0 ? READER_NO_SANDBOX : READER_NONE;
	q->kind = READER_HELLO;
	job.request = q;
	while (send_packet(&job, reason, false) == 0 && err == 0) {
		if (job.answer_fd >= 0)
			close(job.answer_fd);
		if (job.fd >= 0)
			close(job.fd);
		job.answer_fd = -1;
		if (!receive(READER_SOCKET_FD, q, &job.fd))
			break;
		limit_cpu();
		reason = serve(&job);
	}
	_exit(err < 0 ? 1 : 0);
}
