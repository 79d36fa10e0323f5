// SPDX-License-Identifier: BSD-2-Clause
#include "user/lib/view/crash_text.h"

#include <inttypes.h>
#include <stdio.h>
#include <string.h>

#define SIGNATURE_FRAMES 16 /* different ones */

const char *crash_signal_name(uint64_t signal, char ret[CRASH_TEXT_BYTES])
{
	const char *name = signal < 65 ? sigabbrev_np((int)signal) : NULL;

	if (name)
		snprintf(ret, CRASH_TEXT_BYTES, "SIG%s", name);
	else
		snprintf(ret, CRASH_TEXT_BYTES, "signal %" PRIu64, signal);
	return ret;
}

/* si_code of the signals that hardware raises: asm-generic/siginfo.h. */
static const struct {
	int signal, code;
	const char *text;
} codes[] = {
	{ 4, 1, "illegal opcode" },
	{ 4, 2, "illegal operand" },
	{ 4, 5, "privileged opcode" },
	{ 5, 1, "breakpoint" },
	{ 7, 1, "misaligned" },
	{ 7, 2, "nothing there" },
	{ 7, 3, "hardware error" },
	{ 8, 1, "division by zero" },
	{ 8, 2, "integer overflow" },
	{ 8, 3, "floating-point division by zero" },
	{ 11, 1, "not mapped" },
	{ 11, 2, "no permission" },
	{ 11, 128, "no canonical address" },
	{ 31, 1, "seccomp" },
};

const char *crash_code_text(uint64_t signal, int64_t code)
{
	for (size_t i = 0; i < sizeof(codes) / sizeof(*codes); i++)
		if (codes[i].signal == (int)signal && codes[i].code == code)
			return codes[i].text;
	return NULL;
}

static bool is_cut(const struct report *r, uint32_t frame)
{
	return !strcmp(report_text(r, r->frames.kind[frame]), "cut");
}

/* Both lists end with NULL. */
static bool is_any(const char *name, const char *const *names)
{
	while (*names && strcmp(name, *names))
		names++;
	return *names;
}

static bool begins_with_any(const char *name, const char *const *beginnings)
{
	while (*beginnings && strncmp(name, *beginnings, strlen(*beginnings)))
		beginnings++;
	return *beginnings;
}

/* How a program comes from what went wrong to its signal, and what starts its threads. */
static bool is_machinery(const char *name)
{
	static const char *const names[] = {
		"abort",
		"raise",
		"gsignal",
		"__pthread_kill_implementation",
		"__pthread_kill_internal",
		"pthread_kill",
		"__pthread_kill",
		"__GI_raise",
		"__GI_abort",
		"__assert_fail",
		"__assert_fail_base",
		"__libc_message",
		"__fortify_fail",
		"__chk_fail",
		"kill",
		"tgkill",
		"__cxa_throw",
		"__cxa_rethrow",
		"__abort_msg",
		"__stack_chk_fail",
		"malloc_printerr",
		"_start",
		"__libc_start_main",
		"__libc_start_main_impl",
		"__libc_start_call_main",
		"start_thread",
		"clone",
		"clone3",
		"__clone",
		"__clone3",
		NULL,
	};

	/* What has no name in the C and C++ libraries is told by their names. */
	static const char *const beginnings[] = {
		"libc.so.6+",
		"libstdc++.so.6",
		"__gnu_cxx::__verbose_terminate_handler",
		"std::terminate",
		"std::__throw_",
		"std::__glibcxx_assert_fail",
		"__cxxabiv1::",
		"std::sys::",
		NULL,
	};

	return is_any(name, names) || begins_with_any(name, beginnings);
}

/* What Rust's panics go through. */
static bool is_panic(const char *name)
{
	static const char *const beginnings[] = {
		"std::panicking::",
		"core::panicking::",
		"std::process::abort",
		"panic_abort::",
		"rust_panic",
		"rust_begin_unwind",
		"__rust_",
		"__rustc::",
		NULL,
	};

	return begins_with_any(name, beginnings);
}

/*
 * A library's own check that failed is its caller's doing: an index out of bounds, an unwrap().
 * Programs in C++ have a `core` of their own, so that of Rust is one only below a panic.
 */
static bool is_check(const char *name, bool panicked)
{
	static const char *const rust[] = {
		"core::", "<core::", "alloc::", "<alloc::", "<std::", NULL,
	};

	if (!strncmp(name, "std::", 5))
		return true;
	return panicked && (begins_with_any(name, rust) || strstr(name, " as core::"));
}

static int64_t first_stack(const struct report *r)
{
	return r->dump.present && r->dump.threads.n ? r->dump.threads.stack[0] : -1;
}

int64_t crash_frame(const struct report *r)
{
	/* A SIGABRT that was sent comes wherever the thread is, and no check of it has failed. */
	bool failed = r->dump.signal == 6 && !r->death.sender, panicked = false;
	int64_t first = -1, check = -1;

	for (int64_t row = first_stack(r); row >= 0; row = r->stacks.parent[row]) {
		uint32_t frame = r->stacks.frame[row];
		const char *name = report_text(r, r->frames.name[frame]);

		if (is_cut(r, frame))
			continue;
		if (first < 0)
			first = frame;
		if (is_panic(name))
			failed = panicked = true;
		else if (failed && !is_machinery(name) && is_check(name, panicked))
			check = check < 0 ? frame : check;
		else if (!is_machinery(name))
			return frame;
	}
	return check < 0 ? first : check;
}

static uint64_t hash_text(uint64_t hash, const char *text)
{
	do
		hash = (hash ^ (unsigned char)*text) * 0x100000001b3ULL; /* FNV-1a */
	while (*text++);
	return hash;
}

static uint64_t frame_hash(const struct report *r, uint32_t frame)
{
	const char *name = report_text(r, r->frames.name[frame]);
	int32_t module = r->frames.module[frame];
	uint64_t hash = hash_text(0xcbf29ce484222325ULL, "");

	/* Without a name it is `module+0xOFFSET`, and belongs to one build of it. */
	if (module >= 0 && strstr(name, "+0x"))
		hash = hash_text(hash, report_text(r, r->modules.build_id[module]));
	return hash_text(hash, name);
}

void crash_signature(const struct report *r, char ret[CRASH_TEXT_BYTES])
{
	uint64_t seen[SIGNATURE_FRAMES], hash = 0xcbf29ce484222325ULL;
	size_t n = 0;

	hash = hash_text(hash, r->death.kind ? r->death.kind : "");
	hash = hash_text(hash, r->death.process ? r->death.process : "");
	hash = (hash ^ (r->dump.signal << 8 | r->death.exit_status)) * 0x100000001b3ULL;
	for (int64_t row = first_stack(r); row >= 0 && n < SIGNATURE_FRAMES;
	     row = r->stacks.parent[row]) {
		uint32_t frame = r->stacks.frame[row];
		uint64_t key = frame_hash(r, frame);
		size_t i = 0;

		while (i < n && seen[i] != key)
			i++;
		if (i < n || is_cut(r, frame))
			continue;
		seen[n++] = key;
		hash = (hash ^ key) * 0x100000001b3ULL;
		hash ^= hash >> 29;
	}
	snprintf(ret, CRASH_TEXT_BYTES, "%016" PRIx64, hash);
}

/* What the signal was about, in brackets; "" where there is nothing to say. */
static void detail(const struct report *r, char *text, size_t size)
{
	const char *code = crash_code_text(r->dump.signal, r->dump.code);

	text[0] = '\0';
	if (r->dump.signal == 11 && r->dump.code == 128)
		snprintf(text, size, " (%s)", code);
	else if ((r->dump.signal == 11 || r->dump.signal == 7) && code)
		snprintf(text, size, " (address 0x%" PRIx64 " %s)", r->dump.address, code);
	else if (code)
		snprintf(text, size, " (%s)", code);
}

static void by_whom(const struct report *r, char *text, size_t size)
{
	text[0] = '\0';
	if (!r->death.sender)
		return;
	if (r->death.sender_pid)
		snprintf(text, size, " sent by %.48s (%" PRIu64 ")", r->death.sender,
			 r->death.sender_pid);
	else
		snprintf(text, size, " sent by %.48s", r->death.sender);
}

const char *crash_client(const struct report *r)
{
	if (r->command.present && r->command.name)
		return r->command.name;
	return r->client.name ? r->client.name : "it";
}

void crash_sentence(const struct report *r, const char *client, char ret[CRASH_SENTENCE_BYTES])
{
	const char *kind = r->death.kind ? r->death.kind : "";
	const char *name = r->dump.signal_name ? r->dump.signal_name : "a signal";
	int64_t frame = crash_frame(r);
	char what[200], code[96], who[96], where[220] = "";

	detail(r, code, sizeof(code));
	by_whom(r, who, sizeof(who));
	if (!strcmp(kind, "oom"))
		snprintf(what, sizeof(what), "was killed by the kernel: out of memory");
	else if (!strcmp(kind, "exit"))
		snprintf(what, sizeof(what), "exited with status %" PRIu64, r->death.exit_status);
	else if (!strcmp(kind, "kill"))
		snprintf(what, sizeof(what), "was ended by %s%s", name, who);
	else
		snprintf(what, sizeof(what), "died of %s%s%s", name, code, who);
	if (frame >= 0)
		snprintf(where, sizeof(where), " in %.200s", report_text(r, r->frames.name[frame]));
	snprintf(ret, CRASH_SENTENCE_BYTES, "%.160s %s%s; %" PRIu64 " thread%s", client, what,
		 where, r->dump.threads_total, r->dump.threads_total == 1 ? "" : "s");
}
