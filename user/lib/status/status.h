/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * What the daemon says of itself, and how it is asked: JSON lines over a Unix stream socket
 * (`socket =` in the configuration). A client writes one request, a map on one line, and reads one
 * answer, a map on one line; then it may ask again.
 *
 *   {"verb":"status"}                      -> {"schema":"backdraft.status/1", …}: status.def
 *   {"verb":"top"}                         -> the same, with `threads`
 *   {"verb":"trigger"}                     -> {"text":"what will come of it, a sentence"}
 *   {"verb":"trigger","client":"checkout"}
 *   anything that is wrong                 -> {"error":"a sentence"}
 *
 * Fields that the reader does not know are left alone, and those that are missing are 0, "" or NAN.
 *
 * Ownership: a status owns its texts and tables. A zeroed one is not ready: status_init().
 */
#ifndef BD_STATUS_H
#define BD_STATUS_H

#include <stddef.h>
#include <stdint.h>

struct out;

#define STATUS_SCHEMA "backdraft.status/1"
#define STATUS_ERROR_BYTES 256
#define STATUS_REQUEST_MAX 4096	      /* bytes of a request's line, the newline included */
#define STATUS_ANSWER_MAX (16u << 20) /* of an answer's */

#define STATUS_TEXT(name) char *name;
#define STATUS_COUNT(name) uint64_t name;
#define STATUS_NUMBER(name) double name;
#define SECTION(name) struct status_##name {
#define TABLE(name) struct status_##name {
#define FIELD(of, kind, name, doc) STATUS_##kind(name)
#define END_SECTION(name)                                                                          \
	}                                                                                          \
	;
#define END_TABLE(name)                                                                            \
	}                                                                                          \
	;
#include "user/lib/status/status.def"

/* Sections by name, and each table as an array with its length: `clients` and `n_clients`. */
struct status {
#define END_SECTION(name) struct status_##name name;
#define END_TABLE(name)                                                                            \
	struct status_##name *name;                                                                \
	size_t n_##name, cap_##name;
#include "user/lib/status/status.def"
};

/* Everything empty or unknown. */
void status_init(struct status *s);
void status_release(struct status *s);

/* status_add_clients(s), and so for each table: a new row, numbers NAN; NULL without memory. Valid
 * until the next one. */
#define END_TABLE(name) struct status_##name *status_add_##name(struct status *s);
#include "user/lib/status/status.def"

/* Sets a text to a copy. 0 or -ENOMEM. */
int status_set(char **field, const char *text);

/* The JSON form, on one line, with a newline. */
void status_write(const struct status *s, struct out *out);
/*
 * Reads an answer: 0 and a status; -EINVAL (no JSON, or no status) or -EREMOTEIO (the daemon said
 * what is wrong), both with one line in `error`; -ENOMEM.
 */
int status_read(const char *line, size_t len, struct status *ret, char error[STATUS_ERROR_BYTES]);

/* A request as the daemon reads it. */
enum status_verb { STATUS_STATUS, STATUS_TOP, STATUS_TRIGGER };

struct status_request {
	enum status_verb verb;
	char client[256]; /* "" for none */
};

/* 0, or -EINVAL and what is wrong in `error`. */
int status_request_read(const char *line, size_t len, struct status_request *ret,
			char error[STATUS_ERROR_BYTES]);
void status_request_write(const struct status_request *request, struct out *out);

/* The short answers, {"text":…} and {"error":…}, on one line. */
void status_write_text(struct out *out, const char *text);
void status_write_error(struct out *out, const char *error);
/* Reads one: 0 and the text, to be freed; or as status_read(). */
int status_read_text(const char *line, size_t len, char **ret, char error[STATUS_ERROR_BYTES]);

#endif
