/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * What the files of the SQLite store share. One connection writes, in WAL mode with
 * synchronous=FULL; readers have connections of their own, made when they are needed.
 *
 *   store_sqlite.c          open and close, get, counts, backup
 *   store_sqlite_schema.c   tables, and the way to them from every older version
 *   store_sqlite_names.c    texts, functions and stacks, each once across reports
 *   store_sqlite_blocks.c   which functions are in which reports
 *   store_sqlite_put.c      reports in, and out again
 *   store_sqlite_beats.c    heartbeats in
 *   store_sqlite_list.c     queries
 *   store_sqlite_hosts.c    hosts, and heartbeats out
 *   store_sqlite_keep.c     retention
 *   store_sqlite_collect.c  what nothing names any more
 *   store_sqlite_check.c    fsck
 */
#ifndef BD_SERVER_STORE_SQLITE_H
#define BD_SERVER_STORE_SQLITE_H

#include <pthread.h>
#include <sqlite3.h>

#include "server/store.h"
#include "user/lib/base/idmap.h"
#include "user/lib/base/pairs.h"
#include "user/lib/base/siphash.h"

#define STORE_FILE "reports.db"
#define STORE_LOCK "lock"
#define READERS_MAX 64
/* Entries of a table in memory; past it the table begins anew, and ids come from disk again. */
#define NAMES_CACHED 1000000u
#define BLOCK_REPORTS 512
/* Functions of a block in memory: reports of hostile agents may all have others. */
#define BLOCK_ROWS_MAX 50000

/* Statements of the connection that writes, prepared once. */
enum statement {
	SQL_BEGIN,
	SQL_COMMIT,
	SQL_ROLLBACK,
	SQL_PUT_REPORT,
	SQL_PUT_BODY,
	SQL_PUT_PROFILE,
	SQL_FIND_TEXT,
	SQL_PUT_TEXT,
	SQL_FIND_FUNCTION,
	SQL_PUT_FUNCTION,
	SQL_FIND_STACK,
	SQL_PUT_STACK,
	SQL_FIND_HOST,
	SQL_PUT_HOST,
	SQL_FIND_FACTS,
	SQL_PUT_FACTS,
	SQL_FIND_BLOCK,
	SQL_PUT_BLOCK,
	SQL_SET_BLOCK,
	SQL_USE_TEXT,
	SQL_USE_FUNCTION,
	SQL_USE_STACK,
	SQL_USE_FACTS,
	SQL_USE_BEAT_TEXT,
	SQL_FIND_REPORT,
	SQL_DROP_REPORT,
	SQL_DROP_BODY,
	SQL_DROP_PROFILE,
	SQL_OLDEST,
	SQL_DROP_BLOCKS,
	SQL_PUT_BEAT,
	SQL_FIND_HASH,
	SQL_SET_FACTS,
	SQL_SET_BEAT,
	SQL_DROP_BEATS,
	SQL_STATEMENTS
};

/* The functions of the newest block of reports: a bit for each report that has it. */
struct block_row {
	uint32_t function;
	bool dirty, on_disk;
	uint8_t bits[BLOCK_REPORTS / 8];
};

struct blocks {
	int64_t block; /* -1: none is loaded */
	struct idmap row_of;
	struct block_row *rows;
	size_t n, cap;
};

/* What reports name in these was marked as used in the generation that is. */
struct names {
	uint8_t key[SIPHASH_KEY_BYTES];
	struct idmap texts, functions, hosts, facts;
	struct pairs stacks;
	struct idmap beat_texts; /* marked as named by heartbeats until beats_until_ns */
	int64_t beats_until_ns;
};

/* Of store_sqlite_collect.c: the generation that reports come into, and where a sweep is. */
struct collect {
	int64_t generation, first_seq;
	uint64_t marked;		/* rows, in this generation */
	int64_t came;			/* rows, since the last step */
	size_t table;			/* which one is swept, past the last: none */
	int64_t at;			/* the next id of it, downwards */
	int64_t swept, swept_beats_ns; /* what the sweep before or this one goes by */
};

struct sqlite_store {
	struct store base;
	char *directory;
	int lock_fd;
	bool alone;
	sqlite3 *db; /* writes; NULL where others write */
	sqlite3_stmt *sql[SQL_STATEMENTS];
	struct names names;
	struct blocks blocks;
	struct collect collect;
	int64_t came; /* reports, since the last step of retention */
	pthread_mutex_t lock; /* of the readers */
	sqlite3 *readers[READERS_MAX];
	size_t n_readers;
};

/* -errno for what SQLite says, and a line. */
int sqlite_fail(sqlite3 *db, char error[STORE_ERROR_BYTES]);
/* A connection as all of them are: 0 or -errno and a line. */
int sqlite_connect(const char *path, int flags, sqlite3 **ret, char error[STORE_ERROR_BYTES]);
/* A connection to read from, and back; NULL and a line where there is none. */
sqlite3 *sqlite_reader(struct sqlite_store *s, char error[STORE_ERROR_BYTES]);
void sqlite_reader_done(struct sqlite_store *s, sqlite3 *db);
/* The first number of a query without parameters. 0 or -errno. */
int sqlite_number(sqlite3 *db, const char *sql, int64_t *ret);
int sqlite_prepare(struct sqlite_store *s, char error[STORE_ERROR_BYTES]);
/* Steps a statement that gives no rows, and resets it. 0 or -1: sqlite_fail() says what. */
int sqlite_step(struct sqlite_store *s, enum statement which);
/* A transaction that is given up; what is in memory of it goes, too. */
void sqlite_rollback(struct sqlite_store *s);

/* Brings the database to this version. 0, -EPROTO (it is newer), -errno. */
int sqlite_migrate(sqlite3 *db, char error[STORE_ERROR_BYTES]);
int sqlite_schema_version(void);

/* Ids of a text, a function and a node of a stack (parent 0 is none). 0 or -1. */
int names_init(struct sqlite_store *s, char error[STORE_ERROR_BYTES]);
void names_forget(struct sqlite_store *s);
/* Only what heartbeats have named, and hosts. */
void names_forget_beats(struct sqlite_store *s);
int names_text(struct sqlite_store *s, const char *text, uint32_t *ret);
/* A text of a heartbeat of that time. */
int names_beat_text(struct sqlite_store *s, const char *text, int64_t t_ns, uint32_t *ret);
int names_function(struct sqlite_store *s, const char *name, const char *module, uint32_t *ret);
int names_stack(struct sqlite_store *s, uint32_t parent, uint32_t function, uint32_t *ret);
int names_host(struct sqlite_store *s, const uint8_t host[REPORT_ID_BYTES], uint32_t *ret);
/* What a host is: seven texts, in the order of the table. */
#define FACTS_TEXTS 7
int names_facts(struct sqlite_store *s, const char *const texts[FACTS_TEXTS], uint64_t cpus,
		uint64_t memory_bytes, uint32_t *ret);

/* Marks the function as one of report `seq`; blocks_flush() before the commit. 0 or -1. */
int blocks_mark(struct sqlite_store *s, int64_t seq, uint32_t function);
int blocks_flush(struct sqlite_store *s);
void blocks_forget(struct sqlite_store *s);

#define DAY_NS 86400000000000ll
/* What is on disk of it, at the start and after a transaction was given up. 0 or -1. */
int collect_load(struct sqlite_store *s);
/* Within a transaction, after its reports: begins another generation where it is time. 0 or -1. */
int collect_begin(struct sqlite_store *s);
/* The generation of the oldest report, in SQL: older ones have none. */
#define OLDEST_GENERATION                                                                          \
	"(SELECT coalesce((SELECT max(id) FROM generations WHERE first_seq <="                     \
	" (SELECT min(seq) FROM reports)), (SELECT max(id) FROM generations)))"
/* Part of the rows, from 0 to 1, that the sweep that is due or under way frees, as if each report had
 * brought as many; and how many have come since the oldest report, which are hardly more than there
 * are and need not be counted. 0 or -1. */
int collect_due(struct sqlite_store *s, double *ret, int64_t *ret_reports);
/* Within a transaction: a small step of it. 1 where there is more to do, 0 or -1. */
int collect_step(struct sqlite_store *s);

int sqlite_put(struct store *store, struct store_item *items, size_t n, struct store_beats *beats,
	       size_t n_beats, char error[STORE_ERROR_BYTES]);
/* Within its transaction: a batch of heartbeats. 0 or -1. */
int sqlite_put_beats(struct sqlite_store *s, struct store_beats *beats, int64_t now_ns);
int sqlite_remove(struct store *store, const uint8_t id[REPORT_ID_BYTES],
		  char error[STORE_ERROR_BYTES]);
/* Drops one report within a transaction. 0 or -1. */
int sqlite_drop(struct sqlite_store *s, int64_t seq);
int sqlite_keep(struct store *store, const struct store_keep *keep, uint64_t *ret_dropped,
		char error[STORE_ERROR_BYTES]);
int sqlite_list(struct store *store, const struct store_query *q,
		int (*row)(void *ctx, const struct store_row *row), void *ctx,
		char error[STORE_ERROR_BYTES]);
int sqlite_hosts(struct store *store, const struct store_query *q,
		 int (*row)(void *ctx, int64_t seq, const struct heartbeats *last), void *ctx,
		 char error[STORE_ERROR_BYTES]);
int64_t sqlite_check(struct store *store, void (*line)(void *ctx, const char *text), void *ctx);

#endif
