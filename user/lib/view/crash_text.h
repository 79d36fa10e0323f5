/* SPDX-License-Identifier: BSD-2-Clause */
/* What a report says of a crash, in words; and by what the same crash is known again. */
#ifndef BD_CRASH_TEXT_H
#define BD_CRASH_TEXT_H

#include <stddef.h>
#include <stdint.h>

#include "user/lib/profile/report.h"

#define CRASH_TEXT_BYTES 64
#define CRASH_SENTENCE_BYTES 512

/* "SIGSEGV", or "signal 40". Returns `ret`. */
const char *crash_signal_name(uint64_t signal, char ret[CRASH_TEXT_BYTES]);
/* "address not mapped" and so on; NULL where the code says nothing. */
const char *crash_code_text(uint64_t signal, int64_t code);

/*
 * 16 hex digits: hash of the kind of death, the signal and the functions of the thread that died
 * first, from the leaf on, each once, so that the same crash is the same at any address, after a
 * rebuild and however deep a recursion went. What has no name counts by build ID and offset.
 */
void crash_signature(const struct report *r, char ret[CRASH_TEXT_BYTES]);

/*
 * `checkout died of SIGSEGV (address 0x0 not mapped) in parse_header; 23 threads`: the sentence of
 * the trigger. `client` is who it is said of.
 */
void crash_sentence(const struct report *r, const char *client, char ret[CRASH_SENTENCE_BYTES]);

/* Who that is in a report: the command that was run, or the client. */
const char *crash_client(const struct report *r);

/*
 * The function in which the thread died that died first: a frame's row, or -1. It is the innermost
 * one past what languages and their libraries do on the way to abort(); where nothing else is
 * known, the library's check that failed; without one the leaf. crash_sentence() names it.
 */
int64_t crash_frame(const struct report *r);

#endif
