// SPDX-License-Identifier: BSD-2-Clause
#include <errno.h>
#include <stdio.h>

#include "server/store_sqlite.h"

/*
 * One step a released version; a step is never changed again. `user_version` is how many were
 * taken.
 *
 * `seq` is the order of arrival and never given twice, so that what names reports in blocks of 512
 * need not be told of those that are gone.
 */
static const char *const steps[] = {
	"CREATE TABLE meta (name TEXT PRIMARY KEY, value BLOB) WITHOUT ROWID;"
	"INSERT INTO meta VALUES ('hash_key', randomblob(16));"
	"CREATE TABLE texts (id INTEGER PRIMARY KEY, hash INTEGER NOT NULL UNIQUE, text TEXT NOT "
	"NULL);"
	"CREATE INDEX texts_text ON texts (text);"
	"CREATE TABLE hosts (id INTEGER PRIMARY KEY, host BLOB NOT NULL UNIQUE);"
	"CREATE TABLE facts (id INTEGER PRIMARY KEY, hash INTEGER NOT NULL UNIQUE, cpu_model TEXT,"
	" disk TEXT, os TEXT, kernel TEXT, arch TEXT, virtualisation TEXT, agent TEXT, cpus "
	"INTEGER,"
	" memory_bytes INTEGER);"
	"CREATE TABLE functions (id INTEGER PRIMARY KEY, hash INTEGER NOT NULL UNIQUE,"
	" name TEXT NOT NULL, module INTEGER NOT NULL);"
	"CREATE INDEX functions_name ON functions (name);"
	"CREATE TABLE stacks (id INTEGER PRIMARY KEY, parent INTEGER NOT NULL,"
	" function INTEGER NOT NULL, UNIQUE (parent, function));"
	"CREATE TABLE reports (seq INTEGER PRIMARY KEY AUTOINCREMENT, id BLOB NOT NULL UNIQUE,"
	" created_ns INTEGER NOT NULL, received_ns INTEGER NOT NULL, start_ns INTEGER,"
	" trigger_ns INTEGER, end_ns INTEGER, kind INTEGER NOT NULL, client INTEGER NOT NULL,"
	" version INTEGER NOT NULL, metric INTEGER NOT NULL, label INTEGER NOT NULL, host INTEGER,"
	" facts INTEGER NOT NULL, value REAL, expected REAL, threshold REAL, explanation TEXT,"
	" samples INTEGER, cpu_ns INTEGER, incomplete INTEGER, bytes INTEGER NOT NULL);"
	"CREATE INDEX reports_created ON reports (created_ns);"
	"CREATE INDEX reports_client ON reports (client, created_ns);"
	"CREATE INDEX reports_host ON reports (host, created_ns);"
	"CREATE TABLE bodies (seq INTEGER PRIMARY KEY, bytes BLOB NOT NULL);"
	"CREATE TABLE profiles (seq INTEGER PRIMARY KEY, threads BLOB, stacks BLOB, series BLOB);"
	"CREATE TABLE function_blocks (block INTEGER NOT NULL, function INTEGER NOT NULL,"
	" bits BLOB NOT NULL, PRIMARY KEY (block, function)) WITHOUT ROWID;",

	/* By time first: what comes in goes to the end, and what is too old goes from the front. */
	"CREATE TABLE beats (t_ns INTEGER NOT NULL, host INTEGER NOT NULL, beat BLOB NOT NULL,"
	" clients BLOB NOT NULL, processes BLOB NOT NULL, PRIMARY KEY (t_ns, host)) WITHOUT ROWID;"
	"ALTER TABLE hosts ADD COLUMN facts_hash BLOB;"
	"ALTER TABLE hosts ADD COLUMN facts INTEGER;"
	"ALTER TABLE hosts ADD COLUMN label INTEGER;",

	/* Who named what last, for store_sqlite_collect.c. What older versions have named may be named
	 * by any report that is there, and by any heartbeat. */
	"CREATE TABLE generations (id INTEGER PRIMARY KEY, first_seq INTEGER NOT NULL);"
	"INSERT INTO generations VALUES (0, 0);"
	"INSERT INTO generations VALUES (1, 1 + coalesce((SELECT seq FROM sqlite_sequence"
	" WHERE name = 'reports'), 0));"
	"INSERT INTO meta VALUES ('holes_texts', 0), ('holes_functions', 0), ('holes_stacks', 0),"
	" ('holes_facts', 0), ('holes_hosts', 0);"
	"ALTER TABLE texts ADD COLUMN used INTEGER NOT NULL DEFAULT 0;"
	"ALTER TABLE texts ADD COLUMN beat_ns INTEGER NOT NULL DEFAULT 0;"
	"ALTER TABLE functions ADD COLUMN used INTEGER NOT NULL DEFAULT 0;"
	"ALTER TABLE stacks ADD COLUMN used INTEGER NOT NULL DEFAULT 0;"
	"ALTER TABLE facts ADD COLUMN used INTEGER NOT NULL DEFAULT 0;"
	"ALTER TABLE hosts ADD COLUMN beat_ns INTEGER NOT NULL DEFAULT 0;"
	"UPDATE texts SET beat_ns = (SELECT max(t_ns) + 1 FROM beats) WHERE EXISTS (SELECT 1 FROM beats);"
	"UPDATE hosts SET beat_ns = last.t_ns FROM (SELECT host, max(t_ns) AS t_ns FROM beats"
	" GROUP BY host) AS last WHERE last.host = hosts.id;"
	"CREATE INDEX hosts_facts ON hosts (facts);"
	"CREATE INDEX hosts_label ON hosts (label);",
};
#define N_STEPS ((int)(sizeof(steps) / sizeof(steps[0])))

int sqlite_schema_version(void)
{
	return N_STEPS;
}

static int take_step(sqlite3 *db, int step)
{
	char version[64];

	snprintf(version, sizeof(version), "PRAGMA user_version=%d", step + 1);
	if (sqlite3_exec(db, "BEGIN IMMEDIATE", NULL, NULL, NULL) ||
	    sqlite3_exec(db, steps[step], NULL, NULL, NULL) ||
	    sqlite3_exec(db, version, NULL, NULL, NULL) ||
	    sqlite3_exec(db, "COMMIT", NULL, NULL, NULL))
		return -1;
	return 0;
}

int sqlite_migrate(sqlite3 *db, char error[STORE_ERROR_BYTES])
{
	int64_t version;
	int err;

	if (sqlite_number(db, "PRAGMA user_version", &version))
		return sqlite_fail(db, error);
	if (version > N_STEPS) {
		snprintf(error, STORE_ERROR_BYTES,
			 "the store is of a newer version (%lld, this one knows %d): install the "
			 "backdraft-server that made it, or a later one",
			 (long long)version, N_STEPS);
		return -EPROTO;
	}
	for (; version < N_STEPS; version++)
		if (take_step(db, version)) {
			err = sqlite_fail(db, error);
			sqlite3_exec(db, "ROLLBACK", NULL, NULL, NULL);
			return err;
		}
	return 0;
}
