// SPDX-License-Identifier: (GPL-2.0-only OR BSD-2-Clause)
/*
 * Exact time. The scheduler keeps exact sums for every thread; nothing is timed a second time. The
 * iterator reads them at the edges of a window, sched_process_free those of the dead. The switch
 * hook adds what only the moment knows: a time line in slots, the distribution of the waits, and
 * who had the CPU meanwhile. It looks only at the thread that leaves: since its last departure it
 * arrived once, so the growth of its sums is this run and the wait before it.
 */
#include "bpf/common.bpf.h"

#define BLAME_NS 65536	  /* shorter waits are not worth the table */
#define CLOCK_HOLDS_NS 1000000
#define STALE_NS 4000000000ULL /* no tick updates a running thread's sum later than this */

struct thread_time {
	__u64 on_cpu_ns; /* sums at the last departure */
	__u64 wait_ns;
	__u64 start_ns; /* of the thread that this belongs to */
	__u64 chunk;	/* event.chunk.number: here in the line that each switch reads */
	__u64 gone;	/* its last words have been said */
	struct bd_waits waits;
	struct bd_chunk_event event; /* sent as it stands */
};

struct {
	__uint(type, BPF_MAP_TYPE_TASK_STORAGE);
	__uint(map_flags, BPF_F_NO_PREALLOC);
	__type(key, int);
	__type(value, struct thread_time);
} times SEC(".maps");

/* Where creating task storage below the run-queue lock could deadlock: preallocated. */
struct {
	__uint(type, BPF_MAP_TYPE_HASH);
	__uint(max_entries, 16384);
	__type(key, __u32);
	__type(value, struct thread_time);
} times_hash SEC(".maps");

struct {
	__uint(type, BPF_MAP_TYPE_HASH);
	__uint(max_entries, BD_BLOCKERS);
	__type(key, struct bd_blocker_key);
	__type(value, struct bd_blocker);
} blockers SEC(".maps");

static const struct thread_time no_time = {};

__u64 window_start_ns = 0;
__u32 mode = BD_CAPTURE;
__u32 iterator_pass = 0;

static __always_inline void sums_of(struct task_struct *task, struct bd_sums *sums)
{
	sums->on_cpu_ns = task->se.sum_exec_runtime;
	sums->wait_ns = task->sched_info.run_delay;
	sums->voluntary = task->nvcsw;
	sums->involuntary = task->nivcsw;
}

static __always_inline struct thread_time *time_find(struct task_struct *task, bool create)
{
	__u32 tid = task->pid;

	if (config.task_storage)
		return bpf_task_storage_get(&times, task, 0,
					    create ? BPF_LOCAL_STORAGE_GET_F_CREATE : 0);
	struct thread_time *time = bpf_map_lookup_elem(&times_hash, &tid);

	if (time || !create)
		return time;
	bpf_map_update_elem(&times_hash, &tid, &no_time, BPF_NOEXIST);
	return bpf_map_lookup_elem(&times_hash, &tid);
}

static __always_inline void time_begin(struct thread_time *time, struct task_struct *task,
				       __u64 on_cpu_ns, __u64 wait_ns)
{
	__builtin_memset(&time->waits, 0, sizeof(time->waits));
	__builtin_memset(&time->event.chunk, 0, sizeof(time->event.chunk));
	thread_of(task, &time->event.thread);
	time->waits.thread = time->event.thread;
	time->start_ns = time->event.thread.start_ns;
	time->chunk = 0;
	time->on_cpu_ns = on_cpu_ns;
	time->wait_ns = wait_ns;
	time->gone = 0;
}

/* The state of a thread, made at its first departure; NULL where there is no room. */
static __always_inline struct thread_time *time_get(struct task_struct *task, struct bd_cpu *cpu)
{
	struct thread_time *time = time_find(task, true);

	if (!time) {
		count_loss(cpu, BD_LOSS_THREAD_TABLE_FULL);
		return NULL;
	}
	if (time->start_ns == task->start_time)
		return time;
	/* New, or the hash still holds a dead thread of the same number. One that is older than
	 * the window was missed by the iterator: its past must not count. */
	if (task->start_time < window_start_ns)
		time_begin(time, task, task->se.sum_exec_runtime, task->sched_info.run_delay);
	else
		time_begin(time, task, 0, 0);
	return time;
}

static __always_inline void chunk_flush(struct thread_time *time, struct bd_cpu *cpu, __u64 now)
{
	time->event.head.kind = BD_CHUNK;
	time->event.head.t_ns = now;
	if (emit(&time->event, sizeof(time->event)))
		count_loss(cpu, BD_LOSS_TIMELINE_RING_FULL);
	__builtin_memset(time->event.chunk.slots, 0, sizeof(time->event.chunk.slots));
}

static __always_inline void span_emit(struct thread_time *time, struct bd_cpu *cpu, __u64 now,
				      __u64 run, __u64 wait)
{
	struct bd_span span = {
		.head = { .kind = BD_SPAN, .t_ns = now },
		.thread = time->event.thread,
		.run_ns = run,
		.wait_ns = wait,
	};

	if (emit(&span, sizeof(span)))
		count_loss(cpu, BD_LOSS_TIMELINE_RING_FULL);
}

static __always_inline void timeline_add(struct thread_time *time, struct bd_cpu *cpu, __u64 now,
					 __u64 run, __u64 wait)
{
	if (now >= cpu->slot_end_ns) {
		cpu->slot = now / BD_SLOT_NS;
		cpu->slot_end_ns = (cpu->slot + 1) * BD_SLOT_NS;
	}
	if (run + wait > now - (cpu->slot_end_ns - BD_SLOT_NS)) {
		span_emit(time, cpu, now, run, wait);
		return;
	}
	__u64 number = cpu->slot / BD_CHUNK_SLOTS;

	if (time->chunk != number) {
		if (time->chunk)
			chunk_flush(time, cpu, now);
		time->chunk = time->event.chunk.number = number;
	}
	struct bd_slot *slot = &time->event.chunk.slots[cpu->slot & (BD_CHUNK_SLOTS - 1)];

	slot->on_cpu_ns += run;
	slot->wait_ns += wait;
}

static __always_inline __u32 wait_bucket(__u64 wait_ns)
{
	__u64 rest = wait_ns >> 10;
	__u32 bucket = 0;

#pragma unroll
	for (int shift = 16; shift; shift >>= 1) {
		if (rest >> shift) {
			rest >>= shift;
			bucket += shift;
		}
	}
	bucket += rest != 0;
	return bucket < BD_WAIT_BUCKETS ? bucket : BD_WAIT_BUCKETS - 1;
}

static __always_inline void blame(struct bd_cpu *cpu, __u32 tid, __u32 by, __u64 ns)
{
	struct bd_blocker_key key = { .tid = tid, .by = by };
	struct bd_blocker *blocker = bpf_map_lookup_elem(&blockers, &key);
	struct bd_blocker first = { .wait_ns = ns, .count = 1 };

	if (blocker) {
		__sync_fetch_and_add(&blocker->wait_ns, ns);
		__sync_fetch_and_add(&blocker->count, 1);
	} else if (bpf_map_update_elem(&blockers, &key, &first, BPF_NOEXIST)) {
		count_loss(cpu, BD_LOSS_BLOCKERS_FULL);
	} else {
		cpu->blockers++;
	}
}

/* Shares a wait that ended at `until` out over who ran on this CPU during it. */
static __always_inline void blame_wait(struct bd_cpu *cpu, __u32 tid, __u64 until, __u64 wait)
{
	__u64 from = until - wait, left = wait;

#pragma unroll
	for (int i = 0; i < BD_LAST_RUNS; i++) {
		struct bd_run *run = &cpu->runs[(cpu->last - i) & (BD_LAST_RUNS - 1)];
		__u64 begin = run->end_ns - run->run_ns, end = run->end_ns;

		if (end <= from)
			break;
		if (begin < from)
			begin = from;
		if (end > until)
			end = until;
		if (end <= begin || run->tid == tid)
			continue;
		blame(cpu, tid, run->tid, end - begin);
		left -= left < end - begin ? left : end - begin;
	}
	if (left > BLAME_NS)
		blame(cpu, tid, 0, left);
}

#define TASK_DEAD 0x80

static __always_inline bool is_dead(struct task_struct *task)
{
	struct task_struct___new_state *new = (void *)task;
	struct task_struct___state *old = (void *)task;

	if (bpf_core_field_exists(new->__state))
		return new->__state & TASK_DEAD;
	return old->state & TASK_DEAD;
}

/* The last that is heard of a thread: its final sums, and what was kept of its time. */
static __always_inline void farewell(struct task_struct *task, struct bd_cpu *cpu,
				     struct thread_time *time, __u64 now)
{
	struct bd_free event = { .head = { .kind = BD_FREE, .t_ns = now } };

	thread_of(task, &event.thread);
	sums_of(task, &event.sums);
	event.user_ns = task->utime;
	event.system_ns = task->stime;
	event.target = time != NULL;
	if (emit(&event, sizeof(event)))
		count_loss(cpu, BD_LOSS_EXIT_RING_FULL);
	if (!time || time->gone)
		return;
	time->gone = 1;
	if (time->chunk)
		chunk_flush(time, cpu, now);
	time->waits.head.kind = BD_WAITS;
	time->waits.head.t_ns = now;
	if (emit(&time->waits, sizeof(time->waits)))
		count_loss(cpu, BD_LOSS_TIMELINE_RING_FULL);
}

static __always_inline struct thread_time *leave(struct task_struct *prev, struct bd_cpu *cpu,
						 __u64 now)
{
	struct thread_time *time = time_get(prev, cpu);

	if (!time)
		return NULL;
	__u64 on_cpu_ns = prev->se.sum_exec_runtime, wait_ns = prev->sched_info.run_delay;
	__u64 run = on_cpu_ns - time->on_cpu_ns, wait = wait_ns - time->wait_ns;

	/* The edge of the window is estimated, so the first difference may fall below 0. */
	if ((__s64)run < 0)
		run = 0;
	if ((__s64)wait < 0)
		wait = 0;
	time->on_cpu_ns = on_cpu_ns;
	time->wait_ns = wait_ns;
	if (wait)
		time->waits.buckets[wait_bucket(wait)]++;
	timeline_add(time, cpu, now, run, wait);
	if (wait >= BLAME_NS)
		blame_wait(cpu, prev->pid, now - run, wait);
	return time;
}

static __always_inline void remember_run(struct bd_cpu *cpu, __u32 tid, __u64 now, __u64 run)
{
	struct bd_run *last = &cpu->runs[++cpu->last & (BD_LAST_RUNS - 1)];

	last->tid = tid;
	last->end_ns = now;
	last->run_ns = run;
}

/*
 * Now, in CLOCK_MONOTONIC. The scheduler has just read its own clock, into exec_start of both
 * threads; reading another costs as much as all the rest, so it is done once a millisecond, for the
 * difference of the two.
 */
static __always_inline __u64 switch_clock(struct bd_cpu *cpu, struct task_struct *active)
{
	__u64 clock = active->se.exec_start;

	if (clock - cpu->set_clock >= CLOCK_HOLDS_NS) {
		cpu->clock_offset = bpf_ktime_get_ns() - clock;
		cpu->set_clock = clock;
	}
	return clock + cpu->clock_offset;
}

SEC("tp_btf/sched_switch")
int BPF_PROG(bd_switch, bool preempt, struct task_struct *prev, struct task_struct *next)
{
	struct bd_cpu *cpu = this_cpu();
	__u32 tid = prev->pid, next_tid = next->pid;

	if (!cpu)
		return 0;
	__u64 began = cpu->switches & 63 ? 0 : bpf_ktime_get_ns();
	__u64 now = switch_clock(cpu, next_tid ? next : prev);
	__u64 since = cpu->since_ns > window_start_ns ? cpu->since_ns : window_start_ns;
	__u64 run = now > since ? now - since : 0;

	/* Before the window nothing counts: only who runs is kept. */
	if (!window_start_ns) {
	} else if (!tid) {
		cpu->idle_ns += run;
	} else {
		cpu->busy_ns += run;
		struct thread_time *time = NULL;

		if (is_target(prev, prev->tgid))
			time = leave(prev, cpu, now);
		if (is_dead(prev))
			farewell(prev, cpu, time, now);
		remember_run(cpu, tid, now, run);
	}
	/* Every 64th tells what the others cost, and keeps the offsets of the clocks. */
	if (began) {
		if (tid && cpu->since_ns)
			cpu->queue_offset = cpu->since_ns - prev->sched_info.last_arrival;
		cpu->switch_ns += (bpf_ktime_get_ns() - began) << 6;
	}
	cpu->switches++;
	cpu->since_ns = now;
	cpu->running = next_tid;
	return 0;
}

/*
 * A thread is freed. Its last switch has told its sums already, but for one that was there before
 * us and died in between; in batches of RCU callbacks some kernels leave this program out.
 */
SEC("tp_btf/sched_process_free")
int BPF_PROG(bd_free, struct task_struct *task)
{
	struct thread_time *time = time_find(task, false);
	struct bd_cpu *cpu = this_cpu();
	__u32 tid = task->pid;

	/* In a capture, one that died before the window has no time, and none of it is the window's. */
	if (cpu && (time ? !time->gone : mode != BD_CAPTURE))
		farewell(task, cpu, time, bpf_ktime_get_ns());
	if (!config.task_storage)
		bpf_map_delete_elem(&times_hash, &tid);
	if ((config.filter & BD_FILTER_PID) && task->pid == task->tgid)
		bpf_map_delete_elem(&targets, &tid);
	return 0;
}

/* --- the edges of a window */
static __always_inline __u32 task_cpu(struct task_struct *task)
{
	struct task_struct___cpu_here *old = (void *)task;
	struct task_struct___thread_info *new = (void *)task;

	if (bpf_core_field_exists(old->cpu))
		return BPF_CORE_READ(old, cpu);
	return BPF_CORE_READ(new, thread_info.cpu);
}

/*
 * Since when a thread is queued is a time of its run queue's clock, which no other clock follows: it
 * counts what the hypervisor takes, and drifts. Where something waits it is a tick old at most.
 */
static __always_inline __u64 queue_clock(struct task_struct *task)
{
	if (!bpf_core_field_exists(task->se.cfs_rq) ||
	    !bpf_core_field_exists(((struct cfs_rq *)0)->rq))
		return 0;
	return BPF_CORE_READ(task, se.cfs_rq, rq, clock);
}

/*
 * A running thread's sum is up to a tick old, and run_delay moves only when a thread gets a CPU:
 * adds what has passed since, by the CPU's own clocks.
 */
static __always_inline void sums_until_now(struct task_struct *task, struct bd_task *record)
{
	__u32 number = task_cpu(task);
	struct bd_cpu *cpu = bpf_map_lookup_elem(&cpus, &number);
	__u64 now = record->now_ns, queued = task->sched_info.last_queued;

	if (!cpu)
		return;
	if (task->on_cpu) {
		__u64 more = now - cpu->clock_offset - task->se.exec_start;

		record->running_on = number + 1;
		if (cpu->clock_offset && more < STALE_NS)
			record->sums.on_cpu_ns += more;
	} else if (queued) {
		__u64 offset = cpu->queue_offset ? cpu->queue_offset : cpu->clock_offset;
		__u64 clock = queue_clock(task);
		__u64 more = (clock ? clock : now - offset) - queued;

		if ((clock || offset) && (__s64)more > 0)
			record->sums.wait_ns += more;
	}
}

static __always_inline void time_forget(struct task_struct *task)
{
	__u32 tid = task->pid;

	if (config.task_storage)
		bpf_task_storage_delete(&times, task);
	else
		bpf_map_delete_elem(&times_hash, &tid);
}

static __always_inline void find_own_level(void)
{
	struct task_struct *self = (void *)bpf_get_current_task();

	own_level = BPF_CORE_READ(self, thread_pid, level);
}

SEC("iter/task")
int bd_tasks(struct bpf_iter__task *ctx)
{
	struct seq_file *seq = ctx->meta->seq;
	struct task_struct *task = ctx->task;
	struct bd_task record = {};

	if (!task)
		return 0;
	if (iterator_pass == BD_PASS_FORGET) {
		time_forget(task);
		return 0;
	}
	if (!ctx->meta->seq_num)
		find_own_level();
	thread_of(task, &record.thread);
	record.ns_tid = ns_pid(task);
	record.ns_tgid = ns_pid(task->group_leader);
	record.cgroup_id = cgroup_id(task);
	record.target = is_target(task, task->tgid);
	record.kthread = !!(task->flags & PF_KTHREAD);
	record.exec_id = task->self_exec_id;
	record.parent = BPF_CORE_READ(task, real_parent, tgid);
	BPF_CORE_READ_STR_INTO(&record.comm, task, comm);
	BPF_CORE_READ_STR_INTO(&record.process, task, group_leader, comm);
	record.now_ns = bpf_ktime_get_ns();
	sums_of(task, &record.sums);
	record.user_ns = task->utime;
	record.system_ns = task->stime;
	sums_until_now(task, &record);

	bool begin = iterator_pass == BD_PASS_BEGIN;
	struct thread_time *time = record.target ? time_find(task, begin) : NULL;

	if (time && begin)
		time_begin(time, task, record.sums.on_cpu_ns, record.sums.wait_ns);
	if (time && time->start_ns != record.thread.start_ns)
		time = NULL;
	if (time) {
		record.has_time = 1;
		record.run_ns = record.sums.on_cpu_ns - time->on_cpu_ns;
		record.wait_ns = record.sums.wait_ns - time->wait_ns;
	}
	bpf_seq_write(seq, &record, sizeof(record));
	if (time) {
		bpf_seq_write(seq, &time->waits, sizeof(time->waits));
		bpf_seq_write(seq, &time->event.chunk, sizeof(time->event.chunk));
	}
	return 0;
}
