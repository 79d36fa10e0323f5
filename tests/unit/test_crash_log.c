// SPDX-License-Identifier: BSD-2-Clause
/* The same crash is reported once and counted from then on. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

#include "user/lib/logs/crash_log.h"
#include "user/lib/view/crash_text.h"

static void report(struct crash_log *log, uint64_t places, const char *names, int64_t now_s)
{
	assert_true(crash_log_add(log, places, now_s));
	assert_true(crash_log_name(log, places, names, "a crash", now_s));
	crash_log_reported(log, places);
}

static void test_loop(void **state)
{
	struct crash_log log = { 0 };

	report(&log, 7, "aaaa", 100);
	for (int i = 1; i < 200; i++)
		assert_false(crash_log_add(&log, 7, 100 + i));
	assert_int_equal(log.crashes, 200);
	assert_int_equal(log.reports, 1);
	assert_int_equal(log.entries[0].count, 200);
	assert_int_equal(log.entries[0].counted, 199);
	/* The next report, of another crash, has told of them. */
	report(&log, 8, "bbbb", 400);
	assert_int_equal(log.entries[0].counted, 0);
}

static void test_another_build(void **state)
{
	struct crash_log log = { 0 };

	report(&log, 7, "aaaa", 100);
	assert_true(crash_log_add(&log, 70, 101));
	assert_false(crash_log_name(&log, 70, "aaaa", "a crash", 101));
	/* Known by its places too from now on. */
	assert_false(crash_log_add(&log, 70, 102));
	assert_int_equal(log.entries[1].counted, 2);
	assert_int_equal(log.reports, 1);
}

static void test_news_again(void **state)
{
	struct crash_log log = { 0 };

	report(&log, 7, "aaaa", 100);
	assert_false(crash_log_add(&log, 7, 100 + CRASH_LOG_AGAIN_S - 1));
	assert_false(crash_log_add(&log, 7, 100 + 2 * CRASH_LOG_AGAIN_S - 2));
	assert_true(crash_log_add(&log, 7, 100 + 3 * CRASH_LOG_AGAIN_S - 2));
}

/* What could not be reported is due again, and counted meanwhile. */
static void test_spent(void **state)
{
	struct crash_log log = { 0 };

	assert_true(crash_log_add(&log, 7, 100));
	crash_log_counted(&log, 7, "SIGSEGV");
	assert_true(crash_log_add(&log, 7, 101));
	crash_log_counted(&log, 7, "SIGSEGV");
	assert_int_equal(log.entries[0].counted, 2);
	assert_string_equal(log.entries[0].what, "SIGSEGV");
	report(&log, 7, "aaaa", 102);
	assert_int_equal(log.entries[0].counted, 0);
}

static void test_bounded(void **state)
{
	struct crash_log log = { 0 };

	for (int i = 0; i < 10 * CRASH_LOG_MAX; i++) {
		assert_true(crash_log_add(&log, 1000 + i, i));
		crash_log_reported(&log, 1000 + i);
	}
	assert_int_equal(log.n, CRASH_LOG_MAX);
	/* The last ones are known. */
	assert_false(crash_log_add(&log, 1000 + 10 * CRASH_LOG_MAX - 1, 1000));
	assert_int_equal(log.crashes, 10 * CRASH_LOG_MAX + 1);
}

/* --- words */
static int64_t push(struct report *r, int64_t parent, const char *name, const char *kind)
{
	int64_t frame = report_frames_add(&r->frames), row = report_stacks_add(&r->stacks);

	r->frames.name[frame] = report_intern(r, name);
	r->frames.kind[frame] = report_intern(r, kind);
	r->frames.module[frame] = -1;
	r->stacks.parent[row] = parent;
	r->stacks.frame[row] = frame;
	return row;
}

/* A report whose first thread has the stack, root first, up to NULL. */
static void crashed(struct report *r, unsigned signal, const char *const *frames)
{
	int64_t row = -1;

	assert_int_equal(report_init(r), 0);
	for (; *frames; frames++)
		row = push(r, row, *frames, **frames == '[' ? "cut" : "native");
	r->dump.present = true;
	r->dump.signal = signal;
	r->dump.threads_total = 23;
	assert_int_equal(report_dump_threads_add(&r->dump.threads), 0);
	r->dump.threads.stack[0] = row;
}

/* The frame that a page marks is the one that the sentence names, and there is one if any is known. */
static void assert_names_what_is_marked(const struct report *r, const char *sentence)
{
	int64_t frame = crash_frame(r);
	char where[CRASH_SENTENCE_BYTES];

	assert_int_equal(frame < 0, r->dump.threads.stack[0] < 0);
	if (frame < 0)
		return;
	snprintf(where, sizeof(where), " in %s; ", report_text(r, r->frames.name[frame]));
	assert_non_null(strstr(sentence, where));
}

/* Stacks, from root to leaf, and what is said of a death with them. */
static const char *const plain[] = { "_start", "main", "parse_header", NULL };
static const char *const jump[] = { "main", "call_it", "[no code at 0x0]", NULL };
static const char *const aborted[] = { "main", "check", "__assert_fail", "abort", "raise",
				       "__pthread_kill_implementation", NULL };
static const char *const thrown[] = { "main", "shop::Cart::pay", "__cxa_throw", "std::terminate",
				      "libstdc++.so.6.0.30+0xa8e19", "abort", NULL };
static const char *const checked[] = {
	"crash_rs::main", "<crash_rs::Cart as crash_rs::Till>::pay",
	"<usize as core::slice::index::SliceIndex<[T]>>::index",
	"core::panicking::panic_bounds_check", "__rustc::rust_begin_unwind",
	"std::process::abort", "abort", NULL
};
static const char *const sorted[] = { "main", "std::sort<int*>", NULL };
/* rustc's own abort is an illegal instruction. */
static const char *const twice[] = { "crash_rs::main", "core::option::Option<T>::unwrap",
				     "core::panicking::panic",
				     "std::panicking::rust_panic_with_hook", NULL };
/* A template of the library at work, and nothing else known. */
static const char *const library[] = { "[unwind: mapping]", "libc.so.6+0x2724a", "std::sort<int*>",
				   "std::__glibcxx_assert_fail", "abort", NULL };
static const char *const thread[] = { "clone3", "start_thread", "libstdc++.so.6.0.30+0xd44a3",
				      "std::thread::_State_impl<>::_M_run", "std::terminate",
				      "abort", NULL };
static const char *const ours[] = { "main", "core::Engine::run", "__assert_fail", "abort",
				    NULL };
static const char *const bare[] = { "[unwind: mapping]", "abort", "raise", NULL };
static const char *const waits[] = { "main", "shop::serve", "std::condition_variable::wait",
				     "libc.so.6+0x85f16", NULL };
static const char *const rusty[] = { "main", "rust_parse", NULL };
static const char *const repeated[] = { "main", "shop::walk", "shop::walk", "std::min<int>",
				    "std::min<int>", "abort", NULL };
static const char *const lost[] = { NULL };
static const struct {
	unsigned signal;
	int64_t code;
	uint64_t address;
	const char *kind, *sender;
	const char *const *frames;
	const char *sentence;
} sentences[] = {
	{ 11, 1, 0, "signal", NULL, plain,
	  "checkout died of SIGSEGV (address 0x0 not mapped) in parse_header; 23 threads" },
	{ 11, 128, 0, "signal", NULL, plain,
	  "checkout died of SIGSEGV (no canonical address) in parse_header; 23 threads" },
	{ 11, 1, 0, "signal", NULL, jump,
	  "checkout died of SIGSEGV (address 0x0 not mapped) in call_it; 23 threads" },
	{ 8, 1, 4096, "signal", NULL, plain,
	  "checkout died of SIGFPE (division by zero) in parse_header; 23 threads" },
	{ 6, -6, 0, "signal", NULL, aborted, "checkout died of SIGABRT in check; 23 threads" },
	{ 6, -6, 0, "signal", NULL, thrown,
	  "checkout died of SIGABRT in shop::Cart::pay; 23 threads" },
	{ 6, -6, 0, "signal", NULL, checked,
	  "checkout died of SIGABRT in <crash_rs::Cart as crash_rs::Till>::pay; 23 threads" },
	{ 11, 1, 0, "signal", NULL, sorted,
	  "checkout died of SIGSEGV (address 0x0 not mapped) in std::sort<int*>; 23 threads" },
	{ 6, -6, 0, "signal", NULL, repeated,
	  "checkout died of SIGABRT in shop::walk; 23 threads" },
	{ 6, -6, 0, "signal", NULL, library,
	  "checkout died of SIGABRT in std::sort<int*>; 23 threads" },
	{ 6, -6, 0, "signal", NULL, thread,
	  "checkout died of SIGABRT in std::thread::_State_impl<>::_M_run; 23 threads" },
	{ 6, -6, 0, "signal", NULL, ours,
	  "checkout died of SIGABRT in core::Engine::run; 23 threads" },
	{ 6, -6, 0, "signal", NULL, bare, "checkout died of SIGABRT in raise; 23 threads" },
	{ 6, 0, 0, "signal", "systemd", waits,
	  "checkout died of SIGABRT sent by systemd (1) in std::condition_variable::wait; "
	  "23 threads" },
	{ 4, 2, 0, "signal", NULL, twice,
	  "checkout died of SIGILL (illegal operand) in crash_rs::main; 23 threads" },
	{ 11, 1, 0, "signal", NULL, rusty,
	  "checkout died of SIGSEGV (address 0x0 not mapped) in rust_parse; 23 threads" },
	{ 6, 0, 0, "signal", "systemd", lost,
	  "checkout died of SIGABRT sent by systemd (1); 23 threads" },
	{ 9, 0, 0, "oom", NULL, plain,
	  "checkout was killed by the kernel: out of memory in parse_header; 23 threads" },
	{ 9, 0, 0, "kill", "bash", lost,
	  "checkout was ended by SIGKILL sent by bash (1); 23 threads" },
	{ 0, 0, 0, "exit", NULL, plain,
	  "checkout exited with status 42 in parse_header; 23 threads" },
};

static void test_sentences(void **state)
{
	for (size_t i = 0; i < sizeof(sentences) / sizeof(*sentences); i++) {
		char text[CRASH_SENTENCE_BYTES], name[CRASH_TEXT_BYTES];
		struct report r;

		crashed(&r, sentences[i].signal, sentences[i].frames);
		r.dump.code = sentences[i].code;
		r.dump.address = sentences[i].address;
		r.death.exit_status = 42;
		r.death.sender_pid = sentences[i].sender ? 1 : 0;
		report_set(&r.death.kind, sentences[i].kind);
		report_set(&r.death.sender, sentences[i].sender);
		report_set(&r.dump.signal_name, crash_signal_name(sentences[i].signal, name));
		crash_sentence(&r, "checkout", text);
		assert_string_equal(text, sentences[i].sentence);
		assert_names_what_is_marked(&r, text);
		report_release(&r);
	}
}

static void signature_of(unsigned signal, const char *const *frames, char text[CRASH_TEXT_BYTES])
{
	struct report r;

	crashed(&r, signal, frames);
	crash_signature(&r, text);
	report_release(&r);
}

static void test_signatures(void **state)
{
	static const char *const once[] = { "main", "walk", "leaf", NULL };
	static const char *const deep[] = { "main", "walk", "walk", "walk", "leaf", NULL };
	static const char *const cut[] = { "[unwind: too deep]", "main", "walk", "leaf", NULL };
	static const char *const other[] = { "main", "walk", "other", NULL };
	char a[CRASH_TEXT_BYTES], b[CRASH_TEXT_BYTES];

	signature_of(11, once, a);
	assert_int_equal(strlen(a), 16);
	signature_of(11, deep, b);
	assert_string_equal(a, b);
	signature_of(11, cut, b);
	assert_string_equal(a, b);
	signature_of(11, other, b);
	assert_string_not_equal(a, b);
	signature_of(6, once, b);
	assert_string_not_equal(a, b);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_loop),	      cmocka_unit_test(test_another_build),
		cmocka_unit_test(test_news_again),    cmocka_unit_test(test_spent),
		cmocka_unit_test(test_bounded),	      cmocka_unit_test(test_sentences),
		cmocka_unit_test(test_signatures),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
