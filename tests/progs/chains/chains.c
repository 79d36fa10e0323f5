// SPDX-License-Identifier: BSD-2-Clause
/*
 * chains CASE [CPU_MS] [DEPTH]: runs one case of the table and prints its chain, leaf first, and when
 * it burned. `chains` alone lists the cases.
 */
#include <sys/mman.h>
#include "chains.h"

struct chain_mark *chain_mark;
uint64_t chain_burn_ns;
unsigned chain_depth;

struct chain_case {
	const char *name;
	void (*run)(void);
	const char *chain;
};

static const struct chain_case cases[] = {
	{ "plain", chain_plain,
	  "chain_leaf chain_inner chain_middle chain_outer chain_plain main +" },
	{ "recursion", chain_recursion, "chain_leaf REPEAT chain_recursion main +" },
	{ "vla", chain_vla, "chain_leaf chain_vla_user chain_vla main +" },
	{ "bigframe", chain_bigframe, "chain_leaf chain_big chain_bigger chain_bigframe main +" },
	{ "realign", chain_realign, "chain_leaf chain_aligned chain_realign main +" },
	{ "longjmp", chain_longjmp, "chain_leaf chain_landed chain_longjmp main +" },
	{ "qsort", chain_qsort, "chain_leaf chain_compare + chain_qsort main +" },
	{ "thread", chain_thread, "chain_leaf chain_thread_inner chain_thread_main +" },
	{ "fork", chain_fork, "chain_leaf chain_child chain_fork main +" },
	{ "vdso", chain_vdso, "* chain_clock chain_vdso main +" },
	{ "syscall", chain_syscall, "* chain_reader chain_syscall main +" },
	{ "altstack", chain_altstack,
	  "chain_leaf chain_on_signal +1 chain_trip chain_altstack main +" },
	{ "first", chain_first, "chain_leaf chain_on_first +1 chain_trap chain_first main +" },
	{ "jit", chain_jit, "chain_leaf +2 chain_jit main +" },
	{ "timer", chain_timer, "chain_leaf chain_on_timer +1 chain_spin chain_timer main +" },
#ifndef CHAINS_STATIC
	{ "plt", chain_plt, "* chain_plt_user chain_plt main +" },
	{ "dlopen", chain_dlopen,
	  "chain_leaf chain_callback chain_lib_inner chain_lib_outer chain_dlopen main +" },
#endif
};
#define CASES (sizeof(cases) / sizeof(cases[0]))

PROG_WHOLE void chain_leaf(void)
{
	uint64_t x = 1;

	chain_begin();
	while (chain_more())
		x = prog_work(x);
	chain_end();
}

static void chain_print(const struct chain_case *c)
{
	char text[512], *save = NULL;
	const char *comma = "";

	printf("{\"case\": \"%s\", \"pid\": %d, \"tid\": %d, \"begin_ns\": %llu, "
	       "\"end_ns\": %llu, \"cpu_ns\": %llu, \"own\": \"^(chain_|main$)\", "
	       "\"match\": \"exact\", \"chain\": [",
	       c->name, chain_mark->pid, chain_mark->tid, (unsigned long long)chain_mark->begin_ns,
	       (unsigned long long)chain_mark->end_ns, (unsigned long long)chain_mark->cpu_ns);
	snprintf(text, sizeof(text), "%s", c->chain);
	for (char *t = strtok_r(text, " ", &save); t; t = strtok_r(NULL, " ", &save)) {
		unsigned n = strcmp(t, "REPEAT") ? 1 : chain_depth;

		while (n--) {
			printf("%s\"%s\"", comma, strcmp(t, "REPEAT") ? t : "chain_recurse");
			comma = ", ";
		}
	}
	printf("]}\n");
}

int main(int argc, char **argv)
{
	chain_burn_ns = prog_number(argc, argv, 2, 1000) * PROG_MS;
	chain_depth = (unsigned)prog_number(argc, argv, 3, 10);
	chain_mark = mmap(NULL, sizeof(*chain_mark), PROT_READ | PROT_WRITE,
			  MAP_SHARED | MAP_ANONYMOUS, -1, 0);
	if (chain_mark == MAP_FAILED)
		prog_die("mmap");
	for (size_t i = 0; i < CASES; i++) {
		if (argc < 2) {
			printf("%s\n", cases[i].name);
		} else if (!strcmp(cases[i].name, argv[1])) {
			cases[i].run();
			chain_print(&cases[i]);
			return 0;
		}
	}
	return argc < 2 ? 0 : 2;
}
