/* SPDX-License-Identifier: BSD-2-Clause */
/* Words that synthetic reports are made of; only synth-report.c includes this. */
#ifndef BD_SYNTH_NAMES_H
#define BD_SYNTH_NAMES_H

enum synth_module {
	M_APP,
	M_LIBC,
	M_CRYPTO,
	M_PQ,
	M_Z,
	M_POSTGRES,
	M_NODE,
	M_JIT,
	M_KERNEL,
	N_MODULES
};

static const char *const module_paths[N_MODULES] = {
	"/opt/checkout/bin/checkout",
	"/usr/lib/x86_64-linux-gnu/libc.so.6",
	"/usr/lib/x86_64-linux-gnu/libcrypto.so.3",
	"/usr/lib/x86_64-linux-gnu/libpq.so.5",
	"/usr/lib/x86_64-linux-gnu/libz.so.1",
	"/usr/lib/postgresql/15/bin/postgres",
	"/usr/bin/node",
	"[jit]",
	"[kernel]",
};

/* How each kind of thread gets from its root to the code that differs. '|' separates frames. */
struct synth_role {
	const char *process, *thread, *chain;
	enum synth_module root, body;
	unsigned int pid, share; /* of the samples, in 1000 */
	unsigned int threads;	 /* 0: as asked for */
	int burns;		 /* it is what the burn in the report is about */
};

static const struct synth_role roles[] = {
	{"checkout", "http-worker",
	 "libc.so.6+0x1098e4|start_thread|std::thread::_State_impl<Worker>::_M_run()|"
	 "checkout::http::Server::worker_loop(int)|checkout::http::Session::handle(checkout::"
	 "Request const&)|"
	 "checkout::Router::dispatch(checkout::Request const&, checkout::Response&)",
	 M_LIBC, M_APP, 2411, 640, 0, 1},
	{"checkout", "log-writer", "libc.so.6+0x1098e4|start_thread|checkout::log::Writer::run()",
	 M_LIBC, M_APP, 2411, 40, 1, 0},
	{"checkout", "metrics",
	 "libc.so.6+0x1098e4|start_thread|checkout::metrics::Exporter::run()", M_LIBC, M_APP, 2411,
	 20, 1, 0},
	{"postgres", "postgres",
	 "_start|__libc_start_main|main|PostmasterMain|ServerLoop|BackendStartup|PostgresMain|exec_"
	 "simple_query",
	 M_POSTGRES, M_POSTGRES, 1187, 170, 3, 0},
	{"node", "node",
	 "_start|__libc_start_main|main|node::Start(int, char**)|"
	 "node::SpinEventLoop(node::Environment*)|uv_run|uv__io_poll|uv__stream_io|"
	 "v8::internal::Execution::Call(v8::internal::Isolate*)|Builtins_JSEntry",
	 M_NODE, M_JIT, 3020, 90, 1, 0},
	{"kworker/0:1", "kworker/0:1",
	 "ret_from_fork_asm|ret_from_fork|kthread|worker_thread|process_one_work", M_KERNEL,
	 M_KERNEL, 58, 25, 1, 0},
	{"ksoftirqd/1", "ksoftirqd/1",
	 "ret_from_fork_asm|ret_from_fork|kthread|smpboot_thread_fn|run_ksoftirqd", M_KERNEL,
	 M_KERNEL, 21, 15, 1, 0},
};
#define N_ROLES (sizeof(roles) / sizeof(*roles))

static const char *const namespaces[] = {
	"cart",	   "pricing", "tax",  "stock",	 "json",     "http",	 "cache",  "auth",
	"session", "db",      "util", "payment", "shipping", "template", "search",
};
static const char *const classes[] = {
	"Parser", "Matrix",  "Index", "Pool",  "Encoder", "Cursor",   "Rule",	"Table", "Builder",
	"Policy", "Visitor", "Arena", "Codec", "Planner", "Snapshot", "Ledger", "Quote", "Batch",
};
static const char *const verbs[] = {
	"apply",  "find",    "merge",  "scan",	  "update",  "validate", "hash",
	"encode", "decode",  "visit",  "resolve", "compare", "copy",	 "insert",
	"flush",  "rebuild", "expand", "score",	  "lookup",  "split",
};
static const char *const nouns[] = {
	"row",	 "item", "discount", "value",  "key",	"token", "node",    "page",
	"price", "rate", "field",    "bucket", "entry", "range", "segment", "line",
};
static const char *const kernel_parts[] = {
	"tcp",	 "sock", "skb", "vfs", "ext4", "mm",	"page",	  "futex",
	"sched", "ip",	 "dev", "bio", "xfs",  "inode", "dentry", "napi",
};

/* What user code calls at the end of a stack: a library's function, or the kernel through libc. */
struct synth_tail {
	const char *chain;
	enum synth_module first;
	unsigned int weight;
};

static const struct synth_tail tails[] = {
	{"__memmove_avx_unaligned_erms", M_LIBC, 14},
	{"malloc|_int_malloc", M_LIBC, 12},
	{"cfree|_int_free", M_LIBC, 8},
	{"EVP_DigestUpdate|sha256_block_data_order_avx2", M_CRYPTO, 8},
	{"deflate|longest_match", M_Z, 6},
	{"PQexec|PQgetResult|pqReadData", M_PQ, 3},
	{"__libc_send|[k]entry_SYSCALL_64_after_hwframe|[k]do_syscall_64|[k]__x64_sys_sendto|[k]__"
	 "sys_sendto|"
	 "[k]sock_sendmsg|[k]tcp_sendmsg|[k]tcp_sendmsg_locked|[k]tcp_push|[k]__tcp_push_pending_"
	 "frames|"
	 "[k]tcp_write_xmit|[k]__tcp_transmit_skb|[k]ip_queue_xmit",
	 M_LIBC, 10},
	{"__GI___libc_write|[k]entry_SYSCALL_64_after_hwframe|[k]do_syscall_64|[k]ksys_write|[k]"
	 "vfs_write|"
	 "[k]ext4_file_write_iter|[k]ext4_buffered_write_iter|[k]generic_perform_write|"
	 "[k]copy_page_from_iter_atomic",
	 M_LIBC, 8},
	{"__GI___futex_abstimed_wait64|[k]entry_SYSCALL_64_after_hwframe|[k]do_syscall_64|[k]__x64_"
	 "sys_futex|"
	 "[k]do_futex|[k]futex_wait",
	 M_LIBC, 5},
	{"[k]asm_exc_page_fault|[k]exc_page_fault|[k]do_user_addr_fault|[k]handle_mm_fault|[k]__"
	 "handle_mm_fault|"
	 "[k]do_anonymous_page|[k]clear_page_erms",
	 M_LIBC, 7},
	{"[k]asm_sysvec_apic_timer_interrupt|[k]sysvec_apic_timer_interrupt|[k]irq_exit_rcu|[k]__"
	 "do_softirq|"
	 "[k]net_rx_action",
	 M_LIBC, 2},
};
#define N_TAILS (sizeof(tails) / sizeof(*tails))

/* Where the burn is. */
#define HOT_CHAIN                                                                                  \
	"checkout::pricing::Matrix::recompute(checkout::pricing::Quote const&)|"                   \
	"checkout::pricing::Matrix::fill_row(unsigned "                                            \
	"long)|[i]std::vector<double>::operator[](unsigned long)"

static const char *const unwind_reasons[] = {"[unwind: mapping]", "[unwind: no table]",
					     "[unwind: memory]"};

/* Names that a program might give itself to hurt who looks at the report. */
static const char *const hostile[] = {
	"</script><script>document.title='pwned'</script>",
	"<img src=x onerror=\"document.title='pwned'\">",
	"a;b;c 17",
	"\"quoted\" & <b>bold</b>",
	"tab\tnewline\nescape\x1b[31mred",
	"]]> <!-- -->",
	"\342\200\256desrever",
	"${alert(1)}",
	"javascript:alert(1)",
	"\xf0\x9f\x94\xa5 fire",
	"__proto__",
	"constructor",
	"\xff\xfe broken utf-8 \xc3",
	"' onmouseover='alert(1)",
};

#endif
