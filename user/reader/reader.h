/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * The reader: what users can write (ELF files, perf maps) is opened and parsed in a child process
 * with nothing to lose, and the names come back from it. This is the tool's side.
 *
 * Calls block until the child has answered, typically 0.1 ms for an open, and never over
 * READER_OPEN_MS / READER_SYMBOLS_MS: then the child is killed, the file is marked bad (later calls
 * for it fail at once) and a new child serves the next call. Every failure is counted by reason.
 *
 * A reader is used by one thread, the one that made it (the child dies with it). Its children are
 * not to be waited for by waitpid(-1).
 */
#ifndef BD_READER_H
#define BD_READER_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "user/lib/symbols/reader_proto.h"

#define READER_OPEN_MS 1000
#define READER_SYMBOLS_MS 5000

/* The verb of /proc/self/exe that is the child; the table of verbs leads it to reader_child_main().
 */
#define READER_VERB "__reader"
int reader_child_main(int argc, char **argv);

struct reader;

/* Starts the child and does not wait for it. 0 or -errno. */
int reader_new(struct reader **ret);
void reader_free(struct reader *r);

struct reader_open {
	int pid; /* as this tool's /proc names it; 0: no process, `path` is this machine's */
	uint64_t start, end; /* the mapping; 0, 0 where unknown */
	uint32_t dev_major, dev_minor;
	uint64_t inode;	  /* 0: unknown, and not checked */
	const char *path; /* as the process sees it */
};

struct reader_file {
	uint32_t id; /* from 1; the same for the same file, whoever maps it */
	uint64_t dev, inode, size;
	int64_t mtime_ns, ctime_ns;
	uint16_t machine; /* e_machine */
	bool is64;
	uint32_t build_id_size; /* 0: it has none */
	uint8_t build_id[ELF_BUILD_ID_MAX];
	uint32_t n_loads; /* segments with code */
	struct elf_image_load loads[ELF_IMAGE_LOADS_MAX];
};

/*
 * Opens the file that is mapped there, or was, and keeps it open: the process may end at any
 * moment. 0, or the -errno of an enum reader_reason; reader_last_reason() has its text.
 */
int reader_open(struct reader *r, const struct reader_open *req, struct reader_file *ret);
/* The same for an ELF image in memory that is ours (the vDSO). It is copied. */
int reader_open_image(struct reader *r, const char *name, const void *image, size_t size,
		      struct reader_file *ret);
/*
 * The perf map of a process: /tmp/perf-NS_PID.map in the process's own root, which must belong to
 * its user. Opened now, read at reader_symbols(). Of the file only `id` and the identity are set.
 */
int reader_open_perf_map(struct reader *r, int pid, int ns_pid, struct reader_file *ret);
/* The file isn't needed any more; its id may be given out again. */
void reader_close(struct reader *r, uint32_t file);

/*
 * ELF address of a byte of the file, as the symbol table counts: offset + (vaddr - offset) of the
 * segment that it is in. False: no segment with code holds it.
 */
bool reader_file_address(const struct reader_file *f, uint64_t offset, uint64_t *ret);

struct reader_symbol {
	size_t index;	    /* of the address */
	uint64_t start;	    /* where the function begins */
	const char *name;   /* readable */
	const char *symbol; /* as the symbol table has it, "" where that is the same */
	const char *file;   /* source file or "" */
	uint32_t line;	    /* or 0 */
	bool inlined;	    /* the next one of this address is its caller */
};

/* Texts are UTF-8 without control characters, and live as long as the call. */
typedef void reader_symbol_fn(void *arg, const struct reader_symbol *symbol);

/*
 * Names of ELF addresses (of a perf map: addresses in the process) of one file, in any order. `fn`
 * is called for each frame, address by address in ascending order, inlined frames innermost first;
 * for an address without a name it isn't called. 0, or -errno as above; what came before an error
 * is valid.
 */
int reader_symbols(struct reader *r, uint32_t file, const uint64_t *addresses, size_t n,
		   reader_symbol_fn *fn, void *arg);

/*
 * The unwind table of a file: a block of `*ret_bytes` that has been checked and is the caller's to
 * free. -ENODATA: the file has no unwind section; else as above.
 */
int reader_table(struct reader *r, uint32_t file, void **ret_block, size_t *ret_bytes);

/* The child's priority, as nice(1) counts; it begins at 10. Ignored where we may not. */
void reader_nice(struct reader *r, int nice);

/* From now on no call goes on beyond this CLOCK_MONOTONIC time (0: none): reports wait 5 s in all.
 */
void reader_set_deadline(struct reader *r, int64_t monotonic_ns);

/* Text of the last failure, as it is counted; and how often each happened so far (READER_REASON_N).
 */
const char *reader_last_reason(const struct reader *r);
const uint64_t *reader_reasons(const struct reader *r);

struct reader_cost {
	uint64_t cpu_ns;    /* of all children so far */
	uint64_t rss_bytes; /* peak of the largest */
	uint32_t started;   /* children, 1 where none had to be replaced */
};
void reader_cost(struct reader *r, struct reader_cost *ret);
/* Process of the child that serves now, or 0; for tests and `doctor`. */
int reader_pid(const struct reader *r);

#endif
