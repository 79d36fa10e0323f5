/* SPDX-License-Identifier: (GPL-2.0-only OR BSD-2-Clause) */
/*
 * What the BPF programs and the collector tell each other: the only header that both sides share.
 * Same build only; every field has a fixed width and every size is asserted. Times are
 * CLOCK_MONOTONIC ns. `tid` and `tgid` are the kernel's global numbers; `ns_*` are what the tool's
 * own /proc says, 0 where it can't see the thread.
 */
#ifndef BD_ABI_H
#define BD_ABI_H

#ifndef __bpf__
#include <linux/types.h>
#endif

#define BD_COMM 16
#define BD_SLOT_NS 10000000ULL /* one slot of a thread's time line */
#define BD_CHUNK_SLOTS 64
#define BD_WAIT_BUCKETS 24 /* bucket i counts waits below 1024 << i ns */
#define BD_STACK_MAX 512   /* frames in a record: of deeper stacks the leaf's and the root's half */
#define BD_STACK_HALF (BD_STACK_MAX / 2)
#define BD_KERNEL_MAX 127
#define BD_WALK_MAX 2048   /* frames that are walked */
#define BD_COPY_BYTES 65536 /* of a stack, for a walk in user space */
#define BD_COPY_STEP 2048
#define BD_EXIT_COPY_BYTES 16384
#define BD_SELF_CHECK 1000 /* one sample in so many is walked both ways */
#define BD_MODULE_SHIFT 48 /* a user frame: the module's number, and the address in its ELF file */
#define BD_MODULES_MAX 16384
#define BD_REGS 32
#define BD_BLOCKERS 16384 /* user space empties the table when it is half full */
#define BD_MAPPINGS 64 /* in a chunk */
#define BD_MAPPING_CHUNKS 16 /* of a process */
#define BD_PROBES 8 /* places at which a process can stand in the table */
#define BD_RINGS_MAX 16
#define BD_LAST_RUNS 8 /* runs that a CPU remembers, for who had it while another waited */
#define BD_TARGET_COMMS 8
#define BD_CRASH_THREADS 4096	 /* of a process that dies, whose stacks are taken */
#define BD_CRASH_STATES 64	 /* in a record */
#define BD_CRASH_COPIES 64	 /* stacks of a crash that may be copied with so many */
#define BD_CRASH_PARTS 8	 /* records of BD_COPY_BYTES that the first thread's stack may take, */
#define BD_CRASH_COPY_BYTES 8192 /* bytes of others; */
#define BD_CRASH_SHORT_COPIES 1024 /* and in all, the others with BD_COPY_STEP */
#define BD_CRASH_SECTIONS 256 /* sets of exit statuses; the last one is for whom nobody knows yet */

enum bd_filter { BD_FILTER_PID = 1, BD_FILTER_COMM = 2, BD_FILTER_CGROUP = 4 };

/* What the programs are there for at the moment. */
enum bd_mode {
	BD_CAPTURE,
	BD_WATCH, /* nothing is wrong, no switch is looked at: every thread that ends tells its sums */
	BD_BURST, /* the same, with the switch hook in place */
};

/* What else a run of the task iterator does. */
enum bd_pass {
	BD_PASS_LOOK,
	BD_PASS_BEGIN,	/* the switch hook counts from these sums on */
	BD_PASS_FORGET, /* writes nothing: what the switch hook kept of each thread goes */
};

/* Which features of the kernel the programs may use; frozen at load, so that the rest is removed. */
struct bd_config {
	__u32 filter;		/* enum bd_filter, or 0 for the whole machine */
	__u32 ncomms;
	char comms[BD_TARGET_COMMS][BD_COMM];
	__u64 cgroup_id;	/* inode of the directory */
	__s32 cgroup_ssid;	/* index of the v1 controller, -1 for v2 */
	__u32 pidns_inum;	/* inode of the tool's PID namespace */
	__u32 own_tgid;		/* the tool itself, in its own PID namespace */
	__u32 nrings;		/* a power of two */
	__u32 ring_shift;	/* ring of a CPU: cpu >> ring_shift, modulo nrings */
	__u32 wakeup_bytes;
	__u32 stack_slots_mask;
	__u32 process_slots_mask;
	__u32 thread_size;	/* of a kernel stack, where the kernel can't say where registers are */
	__u8 task_storage;	/* else a preallocated hash */
	__u8 task_pt_regs;	/* the helper is there */
	__u8 task_btf;		/* and bpf_get_current_task_btf() */
	__u8 crash;		/* deaths are looked at */
	__u8 pad[4];
	__u64 hash_seed;
};

/* Kinds of records in the rings; each begins with struct bd_head. */
enum bd_kind { BD_SAMPLE = 1, BD_STACK, BD_LATE, BD_EXEC, BD_LEAVE, BD_EXIT, BD_FREE, BD_WAITS, BD_CHUNK, BD_SPAN,
	       BD_CRASH, BD_CRASH_STATE, BD_CRASH_THREAD, BD_KILL, BD_OOM, BD_KINDS };

struct bd_head {
	__u32 kind;
	__u32 cpu;
	__u64 t_ns;
};

/* The identity of a thread: numbers are used again, a start isn't. */
struct bd_thread {
	__u32 tid;
	__u32 tgid;
	__u64 start_ns;
};

/* The last stack before a thread's memory goes: samples that come after it belong to that. */
enum bd_last {
	BD_LAST_EXIT = 1,
	BD_LAST_EXEC,
	BD_IN_EXEC,    /* a sample after all, taken in execve() */
	BD_LAST_CRASH, /* of a thread of a process that dies */
};

struct bd_sample {
	struct bd_head head;
	struct bd_thread thread;
	__u32 ns_tid;
	__u32 ns_tgid;
	__u64 kernel_stack; /* hash, 0 for none */
	__u64 user_stack;
	__u32 exec_id;
	__u16 user_end; /* enum unwind_reason, where it has no user stack but should have; else 0 */
	__u16 last;	/* enum bd_last: no sample, but a stack for samples without memory */
};

/*
 * A sample whose stack is walked in user space, since what the walk needs wasn't there yet: the
 * registers and a copy of the stack. With a user stack in it, it is a self-check.
 */
struct bd_late {
	struct bd_sample sample;
	__u64 wanted; /* the address at which the kernel's walk lacked a table, or 0 */
	__u64 ip;
	__u64 r[BD_REGS]; /* by DWARF's number */
	__u32 known;	  /* bit: r[] is meaningful */
	__u32 bytes;	  /* of copy[], from `skip` bytes above the stack pointer on */
	__u32 skip;	  /* a new frame's pages aren't there before it has touched them */
	__u32 part;	  /* it continues part - 1 of the same stack */
	__u8 copy[BD_COPY_BYTES];
};
#define BD_LATE_HEAD (sizeof(struct bd_late) - BD_COPY_BYTES)

/* A stack, leaf first, sent before the first sample that refers to it in an epoch. */
struct bd_stack {
	struct bd_head head;
	__u64 hash;
	__u32 n; /* frames walked; frames[] has them all, or the first and the last BD_STACK_HALF */
	__u16 user;
	__u16 end; /* of a user stack: enum unwind_reason */
	__u64 frames[BD_STACK_MAX]; /* the k-th, from the half on: at half + k % half */
};
#define BD_STACK_HEAD (sizeof(struct bd_stack) - BD_STACK_MAX * 8)

/* Executable memory of a process. Sorted by start in its chunk; what is not in use begins at ~0. */
struct bd_mapping {
	__u64 start;
	__u64 bias; /* address - bias is the address in the ELF file */
	__u32 pages; /* of 4 KiB */
	__u16 module;
	__u8 kind; /* enum bd_mapping_kind */
	__u8 pad;
};

enum bd_mapping_kind {
	BD_MAPPING_NO_TABLE, /* not yet */
	BD_MAPPING_TABLE,
	BD_MAPPING_FRAME_POINTERS,
	BD_MAPPING_UNREADABLE, /* and never will have one */
};

struct bd_mapping_chunk {
	struct bd_mapping mappings[BD_MAPPINGS];
};

/*
 * A process whose mappings the programs know: an open table by tgid that user space writes through
 * shared memory, since a CPU that is inside a map's system call takes no samples. `version` is odd
 * while it changes.
 */
struct bd_process {
	__u32 tgid;
	__u32 version;
	__u32 exec_id;
	__u32 nchunks;
	__u32 certain; /* an address in none of them was looked for in /proc as well */
	__u32 pad;
	__u64 start[BD_MAPPING_CHUNKS]; /* of the first mapping of each chunk */
	__u32 chunk[BD_MAPPING_CHUNKS];
};

/* Sums that the scheduler keeps. */
struct bd_sums {
	__u64 on_cpu_ns;
	__u64 wait_ns;
	__u64 voluntary;
	__u64 involuntary;
};

struct bd_slot {
	__u32 on_cpu_ns;
	__u32 wait_ns;
};

/* A stretch of a thread's time line. */
struct bd_chunk {
	__u64 number; /* first slot / BD_CHUNK_SLOTS */
	struct bd_slot slots[BD_CHUNK_SLOTS];
};

struct bd_chunk_event {
	struct bd_head head;
	struct bd_thread thread;
	struct bd_chunk chunk;
};

/* One run, and the wait before it, where they reach over more than one slot. */
struct bd_span {
	struct bd_head head; /* t_ns: end of the run */
	struct bd_thread thread;
	__u64 run_ns;
	__u64 wait_ns;
};

/* A process runs a new program. */
struct bd_exec {
	struct bd_head head;
	struct bd_thread thread;
	__u32 ns_tgid;
	__u32 exec_id;
};

/* A process is about to give up the memory of its old program for a new one. */
struct bd_leave {
	struct bd_head head;
	struct bd_thread thread;
	__u64 user_stack; /* hash */
	__u32 exec_id;	  /* that of the old program */
	__u32 pad;
};

/*
 * At sched_process_exit: who it was. The final sums follow in bd_free, when it has run for the last
 * time; those here count only where that never comes.
 */
struct bd_exit {
	struct bd_head head;
	struct bd_thread thread;
	__u32 ns_tid;
	__u32 ns_tgid;
	__u64 cgroup_id;
	__u64 user_stack; /* hash of the stack that it exits with, for samples without memory; or 0 */
	__u32 target;
	__u32 parent; /* tgid of the process that made it */
	struct bd_sums sums;
	char comm[BD_COMM];
	char process[BD_COMM];
	__u32 exit_code; /* as wait() says it, of the process */
	__u32 alive;	 /* threads of the process that go on; 0: it ends with this one */
};

struct bd_free {
	struct bd_head head;
	struct bd_thread thread;
	struct bd_sums sums;
	__u64 user_ns, system_ns; /* as in bd_task */
	__u32 target;
	__u32 pad;
};

/* --- deaths */
/* Which deaths of a process are looked at. */
enum bd_crash_mode { BD_CRASH_OFF, BD_CRASH_ON, BD_CRASH_ALL };

/* What user space says of a process that is watched. */
struct bd_crash_watch {
	__u16 mode;
	__u16 section; /* whose exit statuses count as crashes */
};

struct bd_crash_statuses {
	__u64 bits[4];
};

enum bd_death {
	BD_DEATH_SIGNAL, /* one of its own: a crash */
	BD_DEATH_KILL,	 /* another's */
	BD_DEATH_EXIT,	 /* by a status that counts as a crash */
	BD_DEATH_NONE,	 /* none: somebody wanted to see its threads */
};

/* A process begins to die: its first thread at that, in its own context. */
struct bd_crash {
	struct bd_head head;
	struct bd_thread thread;
	__u64 process_start_ns;
	__u64 cgroup_id;
	__u64 address; /* of the fault */
	__u32 death;   /* enum bd_death */
	__u32 signal;
	__s32 code;	 /* si_code */
	__u32 status;	 /* BD_DEATH_EXIT: the exit status */
	__u32 sender;	 /* of the signal, as its process numbers it; or the kernel's number */
	__u32 ns_sender; /* as the tool's own /proc does; 0: not known */
	__u32 nthreads;	 /* of the process */
	__u32 ns_tid;
	__u32 ns_tgid;
	__u32 exec_id;
	__u32 parent;
	__u32 unknown;	   /* user space hasn't said that it is watched */
	__u32 from_kernel; /* it was the kernel that killed it */
	__u32 known;	   /* bit: r[] is meaningful */
	__u64 ip;
	__u64 r[BD_REGS]; /* by DWARF's number */
	char comm[BD_COMM];
	char process[BD_COMM];
	char sender_comm[BD_COMM];
};

enum bd_task_state {
	BD_STATE_UNKNOWN,
	BD_STATE_RUNNING,
	BD_STATE_RUNNABLE,
	BD_STATE_BLOCKED,
	BD_STATE_UNINTERRUPTIBLE,
	BD_STATE_STOPPED,
	BD_STATE_DEAD,
};

#define BD_NO_CALL (-1) /* in no system call */

struct bd_crash_state {
	struct bd_thread thread;
	__u32 ns_tid;
	__u32 state; /* enum bd_task_state */
	__s32 call;  /* number of the system call that it was in, where it didn't run */
	__u32 pad;
	char comm[BD_COMM];
};

/*
 * Shared memory: which process a look is for, and what it finds of the thread at hand. The stack is
 * copied where the thread didn't run meanwhile.
 */
struct bd_look {
	__u32 tgid;
	__u32 number; /* of threads found so far */
	struct bd_crash_state state;
	struct bd_late late;
};

/* The other threads when the first one died, where the kernel can say. */
struct bd_crash_states {
	struct bd_head head; /* `cpu` is the number of states */
	__u32 tgid;
	__u32 n; /* the program's own */
	struct bd_crash_state states[BD_CRASH_STATES];
};
#define BD_CRASH_STATES_HEAD 24

/* One of its threads, on its way out. Its stack follows as a bd_late where it isn't here. */
struct bd_crash_thread {
	struct bd_sample sample; /* user_stack, or user_end */
	__u32 walk_ns;		 /* that this has cost it */
	__s32 call;
	__u16 late;   /* enum bd_crash_late */
	__u16 caller; /* of exit_group(), where a status is what makes it a crash */
	__u32 jumped; /* it was not in code: the stack begins with who sent it there */
	char comm[BD_COMM];
};

enum bd_crash_late {
	BD_LATE_NONE,
	BD_LATE_FOLLOWS,
	BD_LATE_LEFT_OUT, /* too many of them, or no room */
};

/* Who has ended a process, or asked it to end. */
struct bd_kill {
	struct bd_head head;
	struct bd_thread thread; /* of the process: tid is its first thread's */
	__u32 ns_tgid;
	__u32 signal;
	__u32 fatal; /* it ends by it; else it has a handler */
	__u32 sender;
	__u32 ns_sender;
	__u32 from_kernel;
	__u64 cgroup_id;
	char process[BD_COMM];
	char sender_comm[BD_COMM];
};

struct bd_oom {
	struct bd_head head;
	__u32 tgid; /* 0: not known, */
	__u32 tid;  /* but one of its threads is */
};

/* Distribution of a thread's waits: bucket i counts those below 1024 << i ns. */
struct bd_waits {
	struct bd_head head;
	struct bd_thread thread;
	__u32 buckets[BD_WAIT_BUCKETS];
};

/* What the task iterator writes for each living thread; bd_waits and bd_chunk follow if has_time. */
struct bd_task {
	struct bd_thread thread;
	__u32 ns_tid;
	__u32 ns_tgid;
	struct bd_sums sums; /* what runs or queues right now counted up to now_ns */
	__u64 user_ns, system_ns; /* by the ticks that the kernel saw in either: their ratio counts */
	__u64 now_ns;
	__u64 run_ns; /* of these: since it last left a CPU */
	__u64 wait_ns;
	__u64 cgroup_id;
	__u32 target;
	__u32 kthread;
	__u32 running_on; /* CPU + 1, or 0 */
	__u32 has_time;
	__u32 exec_id;
	__u32 parent; /* tgid of the process that made it, or of who has it now */
	char comm[BD_COMM];
	char process[BD_COMM];
};

struct bd_blocker_key {
	__u32 tid, by; /* `by` 0: not known, it waited on another CPU */
};

struct bd_blocker {
	__u64 wait_ns, count;
};

struct bd_run {
	__u32 tid;
	__u32 pad;
	__u64 end_ns;
	__u64 run_ns;
};

/* Why something was not recorded; names in bd_loss_names. */
enum bd_loss {
	BD_LOSS_RING_FULL,	  /* a sample found no room in two rings */
	BD_LOSS_STACK_RING_FULL,  /* a stack did; its samples are recorded without it */
	BD_LOSS_TIMELINE_RING_FULL,
	BD_LOSS_EXIT_RING_FULL,
	BD_LOSS_THREAD_TABLE_FULL,
	BD_LOSS_BLOCKERS_FULL,
	BD_LOSS_INVISIBLE,	  /* samples of threads that the tool's /proc doesn't show */
	BD_LOSS_TARGETS_FULL,
	BD_LOSS_CRASH_RING_FULL, /* a record of a crash found no room */
	BD_LOSSES
};

#define BD_LOSS_NAMES \
	{ "ring full", "stack: ring full", "timeline: ring full", "exit: ring full", \
	  "timeline: thread table full", "blockers: table full", "invisible in this PID namespace", \
	  "targets: table full", "crash: ring full" }

/* One a CPU, in whole cache lines; the collector maps it, only the CPU itself writes. */
struct bd_cpu {
	/* what each switch touches: one line */
	__u64 switches;
	__u64 idle_ns;
	__u64 busy_ns;	    /* not idle, by the clock at each switch */
	__u64 since_ns;	    /* last switch */
	__u64 clock_offset; /* CLOCK_MONOTONIC - the run queue's task clock, */
	__u64 set_clock;    /* when it was set, by the latter */
	__u64 slot;	    /* the slot that now is in, */
	__u64 slot_end_ns;  /* kept, since a division costs more than the rest */

	__u64 queue_offset; /* CLOCK_MONOTONIC - the run queue's clock */
	__u32 running;	    /* tid that runs since since_ns */
	__u32 last;	    /* index into runs */
	__u64 switch_ns;    /* own time, every 64th measured and scaled */
	__u64 fired;	    /* times the sampling program ran */
	__u64 idle;
	__u64 filtered;
	__u64 sent;
	__u64 walks;	 /* user stacks walked, whole or not */
	__u64 sample_ns; /* own time, measured */
	__u64 loss[BD_LOSSES];
	struct bd_run runs[BD_LAST_RUNS];
	__u64 blockers; /* rows that it put into their table */
	__u64 pad[5];
};

#ifndef __cplusplus
_Static_assert(sizeof(struct bd_sample) == 64, "bd_sample");
_Static_assert(sizeof(struct bd_chunk) == 8 + 8 * BD_CHUNK_SLOTS, "bd_chunk");
_Static_assert(BD_STACK_HEAD == 32, "bd_stack");
_Static_assert(sizeof(struct bd_mapping) == 24, "bd_mapping");
_Static_assert(sizeof(struct bd_process) == 216, "bd_process");
_Static_assert(sizeof(struct bd_span) == 48, "bd_span");
_Static_assert(sizeof(struct bd_exit) == 136, "bd_exit");
_Static_assert(sizeof(struct bd_crash) == 424, "bd_crash");
_Static_assert(sizeof(struct bd_crash_thread) == 96, "bd_crash_thread");
_Static_assert(sizeof(struct bd_crash_states) == BD_CRASH_STATES_HEAD + 48 * BD_CRASH_STATES,
	       "bd_crash_states");
_Static_assert(sizeof(struct bd_kill) == 96, "bd_kill");
_Static_assert(sizeof(struct bd_look) == 56 + sizeof(struct bd_late), "bd_look");
_Static_assert(sizeof(struct bd_task) == 160, "bd_task");
_Static_assert(sizeof(struct bd_cpu) % 64 == 0, "bd_cpu");
#endif
#endif
