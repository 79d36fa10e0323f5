/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * Reports on disk until a receiver has them. A report appears whole or not at all. NAME.bdr.partial
 * is what led to a trigger whose report is still being recorded; when the daemon was killed in
 * between, it becomes a report at the next start, and says of itself that it is incomplete.
 *
 *   NAME.bdr, NAME.bdr.partial    reports; .writing-NAME one that is being written
 *   rejected/, damaged/           what the receiver refused and what can't be read, with a .txt each
 *   heartbeats/                   batches that wait (spool_beats.h)
 *   .dropped, .upload             counts of what was dropped; what the uploader says of itself
 *
 * The daemon writes and drops, the uploader reads, removes and sets aside; they share nothing else.
 * The uploader may create files here: nothing in the directory is believed to be ours because of its
 * name. Only regular files with one name, of root or of who asks, are read, and no link is followed.
 *
 *   spool.c        opening, writing, recovering        spool_scan.c   what is there
 *   spool_room.c   limits, who is dropped, counts      spool_aside.c  rejected/ and damaged/
 */
#ifndef BD_SPOOL_H
#define BD_SPOOL_H

#include <stdbool.h>
#include <stdint.h>
#include <sys/types.h>

#include "user/lib/profile/report.h"
#include "user/lib/upload/spool_policy.h"

#define SPOOL_ERROR 512
#define SPOOL_SUFFIX ".bdr"
#define SPOOL_PARTIAL ".partial"
#define SPOOL_TEMPORARY ".writing-" /* in front */
#define SPOOL_REJECTED "rejected"
#define SPOOL_DAMAGED "damaged"
#define SPOOL_BEATS "heartbeats"
/* Most files that one step of making room removes: a second of the daemon is not to be longer. */
#define SPOOL_STEP 256

struct spool_file {
	char *name;
	uint64_t bytes;
	int64_t mtime_s;
	int rank; /* in a line of victims */
};

/* Files of one kind, sorted by name. Owns the names. */
struct spool_files {
	struct spool_file *file;
	size_t n, cap;
	uint64_t bytes;
};

struct spool {
	char *path;
	int fd;
	bool shared; /* with the uploader's group */
	gid_t group;
	struct spool_limits limits;
	struct report_counts dropped; /* reports by kind, since the spool was made */
	bool counts_late;	      /* .dropped could not be written yet */
	struct spool_files victims;   /* all reports in the order in which they would go */
	size_t next_victim;
	uint64_t gone_bytes, last_bytes; /* of victims so far; of the report written last */
	uint64_t next_beat; /* number of the next file in heartbeats/ */
};

struct spool_stats {
	uint64_t reports, bytes;
};

/* Makes the directory where it is missing (0700). 0, or -errno and one line in `error`. */
int spool_open(struct spool *ret, const char *path, char error[SPOOL_ERROR]);
/* One that is there already and is root's or ours: for who doesn't write reports. The same. */
int spool_attach(struct spool *ret, const char *path, char error[SPOOL_ERROR]);
void spool_close(struct spool *s);
/* Lets the group read, remove and set aside; what is written from now on is readable by it. */
int spool_share(struct spool *s, gid_t group);
/* Whether the path leads to the directory that is open: false when somebody removed it. */
bool spool_is_there(const struct spool *s);
/* Makes a directory that was removed again. 0, as where it is there, or -errno. */
int spool_revive(struct spool *s);

/* Partial reports that nobody will complete become reports. How many, or -errno. */
int spool_recover(struct spool *s);
/* One of them. False: it could not be, or the whole one was there already. */
bool spool_complete(struct spool *s, const char *name);

/*
 * Writes NAME.bdr, or NAME.bdr.partial; the former takes the place of the latter. Where there is no
 * room, the oldest reports go first. A directory that was removed is made again. 0, or -errno and one
 * line in `error`; -EPERM: a report that was not depersonalised, as what is here leaves the machine.
 */
int spool_write(struct spool *s, const char *name, bool partial, const struct report *r,
		char error[SPOOL_ERROR]);

/* What waits in the directory, partial reports left out. */
void spool_stats(const struct spool *s, struct spool_stats *ret);

/* --- spool_scan.c */
enum spool_class {
	SPOOL_REPORT,
	SPOOL_IS_PARTIAL,
	SPOOL_IS_TEMPORARY,
	SPOOL_OWN,     /* our directories and dot files */
	SPOOL_FOREIGN, /* not ours: it is left alone */
};
enum spool_class spool_class_of(const struct spool *s, int directory, const char *name,
				struct spool_file *ret);
/* All files of that class, in the order of their names. 0 or -errno. */
int spool_list(const struct spool *s, enum spool_class class, struct spool_files *ret);
/* Files in a directory below whose names end so ("": all). The same; an absent one is empty. */
int spool_list_below(const struct spool *s, const char *directory, const char *suffix,
		     struct spool_files *ret);
void spool_files_release(struct spool_files *files);
/* A directory below, or -errno. */
int spool_below(const struct spool *s, const char *directory);
/* A file for reading: regular, with one name, of root or us. Descriptor, or -errno (-ESTALE: not
 * ours). */
int spool_open_file(int directory, const char *name);

/* --- spool_room.c */
int spool_counts_load(struct spool *s);
/* Adds to a count and puts all on disk, now or when there is room. */
void spool_count_drop(struct spool *s, const char *kind, uint64_t n);
uint64_t spool_dropped(const struct spool *s);
/* Room for `more` bytes: drops up to SPOOL_STEP reports. How many were dropped. */
size_t spool_make_room(struct spool *s, uint64_t more);
/* Drops the one that goes first. False: there is none. */
bool spool_drop_one(struct spool *s);
/* The daemon's share of a second: what is over the limits goes, in steps. How many went. */
size_t spool_tidy(struct spool *s);
uint64_t spool_limit(const struct spool *s);

/* --- spool_aside.c */
/*
 * Moves a report to `rejected` or `damaged`, with the sentence in a .txt beside it; the oldest there
 * are removed so that no more than `most` stay. 0 or -errno.
 */
int spool_set_aside(const struct spool *s, const char *name, const char *directory,
		    const char *sentence, uint32_t most);

#endif
