// SPDX-License-Identifier: BSD-2-Clause
/*
 * In a reader child that has a client's rights: the last lines of the files that match a pattern,
 * below the client's root, and of what rotation has made of them within the time.
 */
#include <dirent.h>
#include <errno.h>
#include <fcntl.h>
#include <linux/capability.h>
#include <linux/openat2.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/syscall.h>
#include <unistd.h>

#include "user/lib/logs/log_name.h"
#include "user/lib/logs/log_proto.h"
#include "user/lib/symbols/symbol_text.h"
#include "user/reader/reader_child.h"

#define DIRECTORIES_MAX 256 /* that a pattern may lead to */
#define ENTRIES_MAX 65536   /* of all directories together */
#define FORMER_MAX 4	    /* files that were rotated away within the time */
#define SECOND_NS 1000000000LL

/* A file that is to be read, or that can't be. */
struct found {
	char path[READER_PATH_MAX];
	uint64_t inode;
	int64_t mtime_ns;
};

struct list {
	struct found *found; /* the last written first */
	size_t n, most;
	uint64_t more;
};

struct search {
	struct reader_job *job;
	struct log_query query;
	bool literal;	  /* the pattern has no star in its last part */
	bool denied;	  /* a directory on the way */
	bool former_only; /* matching ones have been read */
	bool moved;	  /* one was rotated between the search and the reading */
	unsigned directories, entries;
	struct list matching, former;
	char *text; /* LOG_READ_BYTES */
};

/* --- the child's rights */
static int open_root(const struct reader_rights *rights)
{
	char link[64];
	int fd = -ENOENT;

	snprintf(link, sizeof(link), "/proc/%d/root", rights->pid);
	if (rights->pid)
		fd = reader_child_openat2(link, O_PATH | O_DIRECTORY);
	if (fd < 0 && rights->own_root)
		fd = reader_child_openat2("/", O_PATH | O_DIRECTORY);
	return fd;
}

int reader_log_enter(struct reader_job *job, const struct sandbox *sandbox)
{
	const struct reader_rights *r = job->rights;
	const struct sandbox_user user = {r->uid, r->gid, r->n_groups, r->groups};
	struct sandbox s = *sandbox;
	int root = open_root(r);

	if (root >= 0 && root != READER_ROOT_FD && dup2(root, READER_ROOT_FD) < 0)
		return -errno;
	job->has_root = root >= 0;
	s.more_fds = job->has_root;
	s.user = r->as_root ? NULL : &user;
	s.capabilities = r->as_root || r->read_all ? 1ull << CAP_DAC_READ_SEARCH : 0;
	s.file_bytes = 0;
	if (r->journal) {
		reader_journal_load();
		s.may_open = true;
		s.files = 4096; /* a journal has that many */
	}
	return sandbox_enter(&s, READER_SOCKET_FD);
}

/* --- the answer */
static bool put(struct reader_job *job, struct log_record *r, const char *text, size_t len)
{
	r->text_bytes = (uint32_t)len;
	char *room = reader_job_room(job, (uint32_t)log_record_bytes(r));

	if (!room)
		return false;
	memset(room, 0, log_record_bytes(r));
	memcpy(room, r, sizeof(*r));
	memcpy(room + sizeof(*r), text, len);
	return true;
}

int reader_log_put_line(void *job, int64_t t_ns, const char *text, size_t len)
{
	struct log_record r = {.kind = LOG_LINE, .t_ns = t_ns};

	return put(job, &r, text, len) ? 0 : -EPIPE;
}

bool reader_log_put_source(struct reader_job *job, struct log_record *r, const char *path)
{
	char text[READER_PATH_MAX];

	r->kind = LOG_SOURCE;
	snprintf(text, sizeof(text), "%s", path);
	symbol_text_clean(text, strlen(text));
	return put(job, r, text, strlen(text));
}

static bool put_state(struct search *s, const char *path, enum log_state state)
{
	struct log_record r = {.state = state};

	return reader_log_put_source(s->job, &r, path);
}

/* --- which files */
static int open_below(const char *path, uint64_t flags)
{
	const struct open_how how = {
		.flags = flags | O_CLOEXEC,
		.resolve = RESOLVE_IN_ROOT | RESOLVE_NO_MAGICLINKS,
	};
	int fd = (int)syscall(SYS_openat2, READER_ROOT_FD, *path ? path : "/", &how, sizeof(how));

	return fd < 0 ? -errno : fd;
}

/* Of those that were written last; a list that is full counts the others. */
static void add(struct list *l, const char *dir, const char *name, const struct stat *st)
{
	int64_t mtime_ns = st->st_mtim.tv_sec * SECOND_NS + st->st_mtim.tv_nsec;
	size_t at = l->n;

	while (at > 0 && l->found[at - 1].mtime_ns < mtime_ns)
		at--;
	l->more += l->n == l->most;
	if (at == l->most)
		return;
	l->n += l->n < l->most;
	memmove(&l->found[at + 1], &l->found[at], (l->n - 1 - at) * sizeof(*l->found));
	l->found[at].inode = st->st_ino;
	l->found[at].mtime_ns = mtime_ns;
	if (snprintf(l->found[at].path, READER_PATH_MAX, "%s/%s", dir, name) >= READER_PATH_MAX) {
		memmove(&l->found[at], &l->found[at + 1], (l->n - 1 - at) * sizeof(*l->found));
		l->n--;
	}
}

static bool is_known(const struct log_query *q, uint64_t inode)
{
	for (uint64_t i = 0; i < q->n_known && i < LOG_KNOWN_MAX; i++)
		if (q->known[i] == inode)
			return true;
	return false;
}

/* A directory can't be a log, whatever its name is. */
static void consider(struct search *s, const char *dir, int dir_fd, const char *pattern,
		     const char *name)
{
	bool matches = log_name_matches(pattern, name);
	struct stat st;

	if (fstatat(dir_fd, name, &st, AT_SYMLINK_NOFOLLOW) < 0) {
		s->denied |= errno == EACCES;
		return;
	}
	if (S_ISDIR(st.st_mode) && !s->literal)
		return;
	if (matches && !s->former_only)
		add(&s->matching, dir, name, &st);
	else if (!matches && S_ISREG(st.st_mode) && st.st_mtim.tv_sec >= s->query.want.since_ns / SECOND_NS &&
		 (is_known(&s->query, st.st_ino) || log_name_rotated(pattern, name)))
		add(&s->former, dir, name, &st);
}

/* Calls `fn` for each entry of the directory; -errno where it can't be listed. */
static int each_entry(struct search *s, const char *dir, const char *pattern,
		      void (*fn)(struct search *s, const char *dir, int dir_fd, const char *pattern,
				 const char *name))
{
	int fd = open_below(dir, O_RDONLY | O_DIRECTORY | O_NONBLOCK);
	const struct dirent *e;
	DIR *d;

	s->denied |= fd == -EACCES;
	if (fd < 0)
		return fd;
	d = fdopendir(fd);
	if (!d) {
		close(fd);
		return -ENOMEM;
	}
	while (s->entries < ENTRIES_MAX && (e = readdir(d))) {
		s->entries++;
		if (strcmp(e->d_name, ".") && strcmp(e->d_name, ".."))
			fn(s, dir, fd, pattern, e->d_name);
	}
	closedir(d);
	return 0;
}

/* A directory may be one that can be entered, but not listed: then a name must do. */
static void search_files(struct search *s, const char *dir, const char *pattern)
{
	int fd;

	s->literal = !log_name_is_pattern(pattern);
	if (each_entry(s, dir, pattern, consider) == 0 || !s->literal)
		return;
	fd = open_below(dir, O_PATH | O_DIRECTORY);
	if (fd < 0)
		return;
	consider(s, dir, fd, pattern, pattern);
	close(fd);
}

static void search_below(struct search *s, const char *dir, const char *rest);

/* `pattern` is that of a directory, and a slash and what comes after it. */
static void enter_directory(struct search *s, const char *dir, int dir_fd, const char *pattern,
			    const char *name)
{
	const char *slash = strchr(pattern, '/');
	char part[READER_PATH_MAX], path[READER_PATH_MAX];

	snprintf(part, sizeof(part), "%.*s", (int)(slash - pattern), pattern);
	if (!log_name_matches(part, name) || s->directories >= DIRECTORIES_MAX ||
	    snprintf(path, sizeof(path), "%s/%s", dir, name) >= (int)sizeof(path))
		return;
	s->directories++;
	search_below(s, path, slash);
}

/* `rest` begins with a slash. */
static void search_below(struct search *s, const char *dir, const char *rest)
{
	char path[READER_PATH_MAX], part[READER_PATH_MAX];
	const char *slash;

	while (*rest == '/')
		rest++;
	slash = strchr(rest, '/');
	if (!slash) {
		search_files(s, dir, rest);
		return;
	}
	snprintf(part, sizeof(part), "%.*s", (int)(slash - rest), rest);
	if (log_name_is_pattern(part))
		each_entry(s, dir, rest, enter_directory);
	else if (snprintf(path, sizeof(path), "%s/%s", dir, part) < (int)sizeof(path))
		search_below(s, path, slash);
}

/* --- reading one */
static ssize_t read_end(int fd, char *text, uint64_t from)
{
	size_t have = 0;
	ssize_t n = 1;

	while (n > 0 && have < LOG_READ_BYTES) {
		n = pread(fd, text + have, LOG_READ_BYTES - have, (off_t)(from + have));
		have += n > 0 ? (size_t)n : 0;
	}
	return n < 0 ? -errno : (ssize_t)have;
}

static enum log_state state_of(int err, const struct stat *st)
{
	switch (err) {
	case -EACCES:
	case -EPERM:
		return LOG_DENIED;
	case -ENOENT:
		return LOG_NO_FILE;
	case -EINVAL:
		return S_ISLNK(st->st_mode)  ? LOG_LINK
		       : S_ISREG(st->st_mode) ? LOG_FAILED
					      : LOG_NOT_REGULAR;
	default:
		return LOG_FAILED;
	}
}

static enum log_state read_lines(struct search *s, int fd, const struct stat *st,
				 struct log_record *r)
{
	uint64_t size = (uint64_t)st->st_size;
	struct log_data data = {
		.text = s->text,
		.before_bytes = size > LOG_READ_BYTES ? size - LOG_READ_BYTES : 0,
		.mtime_ns = r->t_ns,
	};
	ssize_t n;

	/* A file's time is that of the last tick, and may be a little behind the clock. */
	if (r->t_ns < s->query.want.since_ns - SECOND_NS)
		return LOG_QUIET;
	n = read_end(fd, s->text, data.before_bytes);
	if (n < 0)
		return state_of((int)n, st);
	data.size = (size_t)n;
	return log_tail(&data, &s->query.want, reader_log_put_line, s->job, &r->counts) < 0
		       ? LOG_FAILED
		       : LOG_READ;
}

/* False: the tool is gone. */
static bool read_one(struct search *s, const struct found *f, uint32_t flags)
{
	struct log_record r = {.flags = flags, .t_ns = f->mtime_ns, .inode = f->inode};
	struct stat st = {0};
	/* The last part isn't followed: what is a link is looked at, and refused. */
	int fd = open_below(f->path, O_PATH | O_NOFOLLOW);

	if (fd >= 0)
		fd = reader_child_open_regular(fd, &st);
	if (fd >= 0 && fstat(fd, &st) < 0) {
		close(fd);
		fd = -errno;
	}
	/* It isn't the one that was found: rotation has come in between. */
	if (fd == -ENOENT || (fd >= 0 && st.st_ino != f->inode)) {
		s->moved = true;
		s->query.known[s->query.n_known++ % LOG_KNOWN_MAX] = f->inode;
	}
	if (fd < 0) {
		r.state = state_of(fd, &st);
		return reader_log_put_source(s->job, &r, f->path);
	}
	r.t_ns = st.st_mtim.tv_sec * SECOND_NS + st.st_mtim.tv_nsec;
	r.dev = st.st_dev;
	r.inode = st.st_ino;
	r.size = (uint64_t)st.st_size;
	if (!s->query.want.lines_max)
		r.state = LOG_READ;
	else if (log_name_compressed(f->path))
		r.state = LOG_COMPRESSED;
	else
		r.state = read_lines(s, fd, &st, &r);
	close(fd);
	return reader_log_put_source(s->job, &r, f->path);
}

static void search_run(struct search *s)
{
	const char *pattern = s->job->request->where.path;
	bool there = true;

	if (!s->job->has_root) {
		put_state(s, pattern, LOG_NO_ROOT);
		return;
	}
	search_below(s, "", pattern);
	if (!s->matching.n)
		there = put_state(s, pattern, s->denied ? LOG_DENIED : LOG_NO_FILE);
	for (size_t i = 0; i < s->matching.n && there; i++)
		there = read_one(s, &s->matching.found[i], 0);
	if (s->moved) {
		s->former_only = true;
		s->former.n = 0;
		search_below(s, "", pattern);
	}
	for (size_t i = 0; i < s->former.n && there; i++)
		there = read_one(s, &s->former.found[i], LOG_ROTATED);
	if (there && s->matching.more)
		put_state(s, pattern, LOG_TOO_MANY);
}

enum reader_reason reader_serve_logs(struct reader_job *job)
{
	struct search s = {
		.job = job,
		.matching = {.most = LOG_FILES_MAX},
		.former = {.most = FORMER_MAX},
	};
	enum reader_reason reason = READER_MEMORY;

	if (job->request->n * sizeof(uint64_t) != sizeof(s.query) || job->rights->journal)
		return READER_DENIED;
	memcpy(&s.query, job->request->addresses, sizeof(s.query));
	s.text = malloc(LOG_READ_BYTES);
	s.matching.found = calloc(LOG_FILES_MAX, sizeof(*s.matching.found));
	s.former.found = calloc(FORMER_MAX, sizeof(*s.former.found));
	if (s.text && s.matching.found && s.former.found) {
		search_run(&s);
		reason = READER_NONE;
	}
	free(s.text);
	free(s.matching.found);
	free(s.former.found);
	return reason;
}
