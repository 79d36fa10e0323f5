// SPDX-License-Identifier: BSD-2-Clause
#include "server/store_sqlite.h"

#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/file.h>
#include <sys/stat.h>
#include <unistd.h>

/* A checkpoint copies what is committed from the log into the file; in pages. */
#define CHECKPOINT_PAGES "4000"
#define WAIT_MS 10000

static const char *const statements[SQL_STATEMENTS] = {
	[SQL_BEGIN] = "BEGIN IMMEDIATE",
	[SQL_COMMIT] = "COMMIT",
	[SQL_ROLLBACK] = "ROLLBACK",
	[SQL_PUT_REPORT] =
		"INSERT INTO reports (id, created_ns, received_ns, start_ns, trigger_ns, end_ns, "
		"kind,"
		" client, version, metric, label, host, facts, value, expected, threshold,"
		" explanation, samples, cpu_ns, incomplete, bytes) VALUES "
		"(?,?,?,?,?,?,?,?,?,?,?,?,?,"
		"?,?,?,?,?,?,?,?) ON CONFLICT (id) DO NOTHING",
	[SQL_PUT_BODY] = "INSERT INTO bodies VALUES (?,?)",
	[SQL_PUT_PROFILE] = "INSERT INTO profiles VALUES (?,?,?,?)",
	[SQL_FIND_TEXT] = "SELECT id, used, beat_ns FROM texts WHERE hash=?",
	[SQL_PUT_TEXT] = "INSERT INTO texts (hash, text, used, beat_ns) VALUES (?,?,?,?)",
	[SQL_FIND_FUNCTION] = "SELECT id, used, module FROM functions WHERE hash=?",
	[SQL_PUT_FUNCTION] = "INSERT INTO functions (hash, name, module, used) VALUES (?,?,?,?)",
	[SQL_FIND_STACK] = "SELECT id, used, 0 FROM stacks WHERE parent=? AND function=?",
	[SQL_PUT_STACK] = "INSERT INTO stacks (parent, function, used) VALUES (?,?,?)",
	[SQL_USE_TEXT] = "UPDATE texts SET used=?2 WHERE id=?1",
	[SQL_USE_FUNCTION] = "UPDATE functions SET used=?2, module=?3 WHERE id=?1",
	[SQL_USE_STACK] = "UPDATE stacks SET used=?2 WHERE id=?1",
	[SQL_USE_FACTS] = "UPDATE facts SET used=?2 WHERE id=?1",
	[SQL_USE_BEAT_TEXT] = "UPDATE texts SET beat_ns=?2 WHERE id=?1",
	[SQL_FIND_HOST] = "SELECT id, 0, 0 FROM hosts WHERE host=?",
	[SQL_PUT_HOST] = "INSERT INTO hosts (host) VALUES (?)",
	[SQL_FIND_FACTS] = "SELECT id, used, 0 FROM facts WHERE hash=?",
	[SQL_PUT_FACTS] =
		"INSERT INTO facts (hash, cpu_model, disk, os, kernel, arch,"
		" virtualisation, agent, cpus, memory_bytes, used) VALUES (?,?,?,?,?,?,?,?,?,?,?)",
	[SQL_FIND_BLOCK] = "SELECT bits FROM function_blocks WHERE block=? AND function=?",
	[SQL_PUT_BLOCK] = "INSERT OR REPLACE INTO function_blocks VALUES (?1,?2,?3)",
	[SQL_SET_BLOCK] = "UPDATE function_blocks SET bits=?3 WHERE block=?1 AND function=?2",
	[SQL_FIND_REPORT] = "SELECT seq FROM reports WHERE id=?",
	[SQL_DROP_REPORT] = "DELETE FROM reports WHERE seq=?",
	[SQL_DROP_BODY] = "DELETE FROM bodies WHERE seq=?",
	[SQL_DROP_PROFILE] = "DELETE FROM profiles WHERE seq=?",
	[SQL_OLDEST] = "SELECT seq, bytes FROM (SELECT seq, bytes, received_ns FROM reports"
		       " ORDER BY seq LIMIT ?2)"
		       " WHERE received_ns < ?1",
	[SQL_PUT_BEAT] = "INSERT OR IGNORE INTO beats VALUES (?,?,?,?,?)",
	[SQL_FIND_HASH] = "SELECT facts_hash FROM hosts WHERE id=?",
	[SQL_SET_FACTS] = "UPDATE hosts SET facts_hash=?2, facts=?3, label=?4 WHERE id=?1",
	[SQL_SET_BEAT] = "UPDATE hosts SET beat_ns=max(beat_ns, ?2) WHERE id=?1",
	[SQL_DROP_BEATS] = "DELETE FROM beats WHERE (t_ns, host) IN"
			   " (SELECT t_ns, host FROM beats WHERE t_ns < ?1 ORDER BY t_ns LIMIT ?2)",
	[SQL_DROP_BLOCKS] = "DELETE FROM function_blocks WHERE block <"
			    " (SELECT coalesce(min(seq) / 512, 1 << 62) FROM reports)",
};

static int error_number(sqlite3 *db)
{
	int system = sqlite3_system_errno(db);

	switch (sqlite3_errcode(db)) {
	case SQLITE_FULL:
		return -ENOSPC;
	case SQLITE_NOMEM:
		return -ENOMEM;
	case SQLITE_BUSY:
	case SQLITE_LOCKED:
		return -EBUSY;
	case SQLITE_READONLY:
	case SQLITE_PERM:
		return -EROFS;
	case SQLITE_IOERR:
	case SQLITE_CANTOPEN:
		return system == ENOSPC || system == EDQUOT ? -ENOSPC : -EIO;
	}
	return -EIO;
}

int sqlite_fail(sqlite3 *db, char error[STORE_ERROR_BYTES])
{
	const char *path = db ? sqlite3_db_filename(db, "main") : NULL;

	snprintf(error, STORE_ERROR_BYTES, "%.150s: %s", path ? path : "store",
		 db ? sqlite3_errmsg(db) : "out of memory");
	return db ? error_number(db) : -ENOMEM;
}

int sqlite_connect(const char *path, int flags, sqlite3 **ret, char error[STORE_ERROR_BYTES])
{
	sqlite3 *db = NULL;
	int status = sqlite3_open_v2(path, &db, flags | SQLITE_OPEN_NOMUTEX, NULL);

	if (status) {
		snprintf(error, STORE_ERROR_BYTES, "%.150s: %s", path,
			 db ? sqlite3_errmsg(db) : "out of memory");
		status = db ? error_number(db) : -ENOMEM;
		sqlite3_close(db);
		return status;
	}
	sqlite3_busy_timeout(db, WAIT_MS);
	/* What is in the file may be damaged, and was never made by anybody but us. */
	sqlite3_db_config(db, SQLITE_DBCONFIG_DEFENSIVE, 1, NULL);
	sqlite3_db_config(db, SQLITE_DBCONFIG_TRUSTED_SCHEMA, 0, NULL);
	sqlite3_exec(db, "PRAGMA cell_size_check=ON", NULL, NULL, NULL);
	*ret = db;
	return 0;
}

static char *store_path(const struct sqlite_store *s, const char *name)
{
	char *path;

	return asprintf(&path, "%s/%s", s->directory, name) < 0 ? NULL : path;
}

sqlite3 *sqlite_reader(struct sqlite_store *s, char error[STORE_ERROR_BYTES])
{
	sqlite3 *db = NULL;
	char *path;

	pthread_mutex_lock(&s->lock);
	if (s->n_readers)
		db = s->readers[--s->n_readers];
	pthread_mutex_unlock(&s->lock);
	if (db)
		return db;
	path = store_path(s, STORE_FILE);
	if (!path || sqlite_connect(path, SQLITE_OPEN_READONLY, &db, error))
		db = NULL;
	free(path);
	return db;
}

void sqlite_reader_done(struct sqlite_store *s, sqlite3 *db)
{
	pthread_mutex_lock(&s->lock);
	if (s->n_readers < READERS_MAX) {
		s->readers[s->n_readers++] = db;
		db = NULL;
	}
	pthread_mutex_unlock(&s->lock);
	sqlite3_close(db);
}

int sqlite_number(sqlite3 *db, const char *sql, int64_t *ret)
{
	sqlite3_stmt *st;
	int status;

	if (sqlite3_prepare_v2(db, sql, -1, &st, NULL))
		return -EIO;
	status = sqlite3_step(st);
	*ret = sqlite3_column_int64(st, 0);
	sqlite3_finalize(st);
	return status == SQLITE_ROW ? 0 : -EIO;
}

int sqlite_prepare(struct sqlite_store *s, char error[STORE_ERROR_BYTES])
{
	for (int i = 0; i < SQL_STATEMENTS; i++)
		if (sqlite3_prepare_v3(s->db, statements[i], -1, SQLITE_PREPARE_PERSISTENT,
				       &s->sql[i], NULL))
			return sqlite_fail(s->db, error);
	return 0;
}

int sqlite_step(struct sqlite_store *s, enum statement which)
{
	int status = sqlite3_step(s->sql[which]);

	sqlite3_reset(s->sql[which]);
	return status == SQLITE_DONE ? 0 : -1;
}

void sqlite_rollback(struct sqlite_store *s)
{
	for (int i = 0; i < SQL_STATEMENTS; i++)
		sqlite3_reset(s->sql[i]);
	if (!sqlite3_get_autocommit(s->db))
		sqlite_step(s, SQL_ROLLBACK);
	names_forget(s);
	blocks_forget(s);
	/* Where it can't be read nothing can be written either, and the next one says so. */
	collect_load(s);
}

/* Who writes is alone: what it has in memory of names would be wrong otherwise. */
static int take_lock(struct sqlite_store *s, char error[STORE_ERROR_BYTES])
{
	char *path = store_path(s, STORE_LOCK);
	int err = 0;

	if (!path)
		return -ENOMEM;
	s->lock_fd = open(path, O_RDWR | O_CREAT | O_CLOEXEC | O_NOFOLLOW, 0600);
	if (s->lock_fd < 0) {
		err = -errno;
		snprintf(error, STORE_ERROR_BYTES, "%.200s: %s", path, strerror(-err));
	} else if (flock(s->lock_fd, LOCK_EX | LOCK_NB) < 0) {
		err = errno == EWOULDBLOCK ? -EBUSY : -errno;
		snprintf(error, STORE_ERROR_BYTES,
			 "%.150s is in use: stop the backdraft-server that runs on it first",
			 s->directory);
	}
	free(path);
	return err;
}

static int open_writer(struct sqlite_store *s, char error[STORE_ERROR_BYTES])
{
	static const char setup[] =
		"PRAGMA auto_vacuum=INCREMENTAL; PRAGMA journal_mode=WAL; PRAGMA synchronous=FULL;"
		"PRAGMA journal_size_limit=67108864; PRAGMA cache_size=-32768;"
		"PRAGMA temp_store=MEMORY; PRAGMA wal_autocheckpoint=" CHECKPOINT_PAGES;
	char *path = store_path(s, STORE_FILE);
	int err = path ? take_lock(s, error) : -ENOMEM;

	if (!err)
		err = sqlite_connect(path, SQLITE_OPEN_READWRITE | SQLITE_OPEN_CREATE, &s->db,
				     error);
	free(path);
	if (!err && sqlite3_exec(s->db, setup, NULL, NULL, NULL))
		err = sqlite_fail(s->db, error);
	if (!err)
		err = sqlite_migrate(s->db, error);
	if (!err)
		err = sqlite_prepare(s, error);
	if (!err && collect_load(s))
		err = sqlite_fail(s->db, error);
	return err ? err : names_init(s, error);
}

/* What is read without being alone must be there, and of this version. */
static int open_reader(struct sqlite_store *s, char error[STORE_ERROR_BYTES])
{
	sqlite3 *db = sqlite_reader(s, error);
	int64_t version;
	int err = 0;

	if (!db)
		return -ENOENT;
	if (sqlite_number(db, "PRAGMA user_version", &version))
		err = sqlite_fail(db, error);
	else if (version != sqlite_schema_version()) {
		snprintf(error, STORE_ERROR_BYTES,
			 "%.150s: the store is of version %lld, this program's is %d: start the "
			 "server of this version on it once, or use the program that made it",
			 s->directory, (long long)version, sqlite_schema_version());
		err = -EPROTO;
	}
	sqlite_reader_done(s, db);
	return err;
}

static void sqlite_close(struct store *store)
{
	struct sqlite_store *s = (struct sqlite_store *)store;

	for (int i = 0; i < SQL_STATEMENTS; i++)
		sqlite3_finalize(s->sql[i]);
	while (s->n_readers)
		sqlite3_close(s->readers[--s->n_readers]);
	sqlite3_close(s->db);
	names_forget(s);
	blocks_forget(s);
	if (s->lock_fd >= 0)
		close(s->lock_fd);
	pthread_mutex_destroy(&s->lock);
	free(s->directory);
	free(s);
}

static int sqlite_open(const char *directory, bool alone, struct store **ret,
		       char error[STORE_ERROR_BYTES])
{
	struct sqlite_store *s = calloc(1, sizeof(*s));
	int err;

	snprintf(error, STORE_ERROR_BYTES, "out of memory");
	if (!s)
		return -ENOMEM;
	s->base.ops = &store_sqlite;
	s->lock_fd = -1;
	s->blocks.block = -1;
	s->alone = alone;
	pthread_mutex_init(&s->lock, NULL);
	s->directory = strdup(directory);
	err = !s->directory ? -ENOMEM : alone ? open_writer(s, error) : open_reader(s, error);
	if (err)
		sqlite_close(&s->base);
	else
		*ret = &s->base;
	return err;
}

static int sqlite_get(struct store *store, const uint8_t id[REPORT_ID_BYTES], void **ret,
		      size_t *ret_size, char error[STORE_ERROR_BYTES])
{
	static const char sql[] = "SELECT bytes FROM bodies WHERE seq ="
				  " (SELECT seq FROM reports WHERE id = ?)";
	struct sqlite_store *s = (struct sqlite_store *)store;
	sqlite3 *db = sqlite_reader(s, error);
	sqlite3_stmt *st = NULL;
	int status, err = 0;

	if (!db)
		return -EIO;
	status = sqlite3_prepare_v2(db, sql, -1, &st, NULL);
	if (!status) {
		sqlite3_bind_blob(st, 1, id, REPORT_ID_BYTES, SQLITE_STATIC);
		status = sqlite3_step(st);
	}
	if (status == SQLITE_ROW) {
		*ret_size = sqlite3_column_bytes(st, 0);
		*ret = malloc(*ret_size + 1);
		if (*ret)
			memcpy(*ret, sqlite3_column_blob(st, 0), *ret_size);
		err = *ret ? 0 : -ENOMEM;
	} else {
		err = status == SQLITE_DONE ? -ENOENT : sqlite_fail(db, error);
	}
	sqlite3_finalize(st);
	sqlite_reader_done(s, db);
	return err;
}

/* Rows of a table whose last one is never taken out, without counting them. */
#define ROWS(table)                                                                                \
	"SELECT coalesce(max(id), 0) - (SELECT value FROM meta WHERE name = 'holes_" table "')"   \
	" FROM " table

static int sqlite_counts(struct store *store, struct store_counts *ret)
{
	struct sqlite_store *s = (struct sqlite_store *)store;
	char error[STORE_ERROR_BYTES];
	sqlite3 *db = sqlite_reader(s, error);
	int64_t pages, free_pages, page_bytes;
	const struct {
		const char *sql;
		uint64_t *to;
	} counts[] = {
		{"SELECT count(*) FROM reports", &ret->reports},
		{ROWS("functions"), &ret->functions},
		{ROWS("stacks"), &ret->stacks},
		{ROWS("texts"), &ret->texts},
		{ROWS("hosts"), &ret->hosts},
		{"SELECT count(*) FROM beats", &ret->beats},
	};
	int err = db ? 0 : -EIO;

	for (size_t i = 0; i < sizeof(counts) / sizeof(counts[0]) && !err; i++)
		err = sqlite_number(db, counts[i].sql, (int64_t *)counts[i].to);
	if (!err && !(err = sqlite_number(db, "PRAGMA page_count", &pages)) &&
	    !(err = sqlite_number(db, "PRAGMA freelist_count", &free_pages)) &&
	    !(err = sqlite_number(db, "PRAGMA page_size", &page_bytes))) {
		ret->bytes = (pages - free_pages) * page_bytes;
		ret->file_bytes = pages * page_bytes;
	}
	if (db)
		sqlite_reader_done(s, db);
	return err;
}

static int sqlite_backup(struct store *store, const char *path, char error[STORE_ERROR_BYTES])
{
	struct sqlite_store *s = (struct sqlite_store *)store;
	sqlite3 *from = sqlite_reader(s, error), *to = NULL;
	sqlite3_backup *backup;
	int err, status = SQLITE_OK, fd;

	if (!from)
		return -EIO;
	/* Never over another file, and readable for its owner only, as the store is. */
	fd = open(path, O_WRONLY | O_CREAT | O_EXCL | O_CLOEXEC | O_NOFOLLOW, 0600);
	err = fd < 0 ? -errno : 0;
	if (err)
		snprintf(error, STORE_ERROR_BYTES, "%.200s: %s", path, strerror(-err));
	else
		close(fd);
	if (!err)
		err = sqlite_connect(path, SQLITE_OPEN_READWRITE, &to, error);
	if (!err) {
		backup = sqlite3_backup_init(to, "main", from, "main");
		/* In one step it is one moment: others go on writing, into the log. */
		status = backup ? sqlite3_backup_step(backup, -1) : SQLITE_ERROR;
		if (backup)
			sqlite3_backup_finish(backup);
		err = status == SQLITE_DONE ? 0 : sqlite_fail(to, error);
		sqlite3_close(to);
		if (err)
			unlink(path);
	}
	sqlite_reader_done(s, from);
	return err;
}

const struct store_ops store_sqlite = {
	.name = "sqlite",
	.doc = "one file in the data directory",
	.open = sqlite_open,
	.close = sqlite_close,
	.put = sqlite_put,
	.remove = sqlite_remove,
	.keep = sqlite_keep,
	.list = sqlite_list,
	.hosts = sqlite_hosts,
	.get = sqlite_get,
	.counts = sqlite_counts,
	.check = sqlite_check,
	.backup = sqlite_backup,
};
