// SPDX-License-Identifier: BSD-2-Clause
#include "user/record/collector.h"

#include <errno.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/random.h>
#include <sys/stat.h>
#include <unistd.h>

#include <bpf/bpf.h>
#include <bpf/btf.h>
#include <bpf/libbpf.h>

#include "bpf/backdraft.skel.h"
#include "user/record/blockers.h"
#include "user/record/bpf_memory.h"
#include "user/common/clock.h"
#include "user/record/collector_totals.h"
#include "user/common/cpu_list.h"
#include "user/record/crash_watch.h"
#include "user/common/kernel_btf.h"
#include "user/record/perf_event.h"
#include "user/record/rings.h"
#include "user/record/task_iter.h"
#include "user/record/unwind_maps.h"

#define RING_BYTES_DEFAULT (2 * 1024 * 1024)
#define STACK_SLOTS 65536
#define PROCESS_SLOTS 4096   /* processes whose stacks are walked in the kernel at once */
#define MAPPING_CHUNKS 4096
#define KERNEL_STACK_BYTES 16384 /* x86-64 and arm64 with pages of 4 KiB */

struct collector {
	struct collector_options options;
	struct collector_sink sink;
	uint64_t blockers_made; /* when their table was last emptied */
	struct backdraft *skel;
	struct bpf_link *iter;
	struct sampler *sampler;
	const char *event;
	struct rings rings;
	unsigned ncpus;
	struct bd_cpu *cpus; /* the map itself */
	size_t cpus_bytes;
	uint64_t *first_offset; /* of each CPU's two clocks, when the window began */
	bool *running; /* CPUs on which the last run of the iterator saw a thread */
	uint64_t start_ns, end_ns;
};

static __attribute__((format(printf, 2, 3))) void say(char *error, const char *format, ...)
{
	va_list args;

	va_start(args, format);
	vsnprintf(error, COLLECTOR_ERROR, format, args);
	va_end(args);
}

static int on_record(void *arg, void *data, size_t bytes)
{
	struct collector *c = arg;

	if (bytes >= sizeof(struct bd_head))
		c->sink.record(c->sink.arg, data, bytes);
	return 0;
}

/* Of two programs for one place the one that this kernel can have; none where nobody asked. */
static void choose_crash(struct collector *c, const struct btf *btf)
{
	bool states = kernel_has_function(btf, "bpf_iter_task_new") &&
		      kernel_has_helper(btf, "BPF_FUNC_task_pt_regs");
	bool task = kernel_trace_takes_pointer(btf, "btf_trace_mark_victim", 1);
	c->skel->rodata->config.crash = c->options.crash;
	bpf_program__set_autoload(c->skel->progs.bd_deliver, c->options.crash && !states);
	bpf_program__set_autoload(c->skel->progs.bd_deliver_states, c->options.crash && states);
	bpf_program__set_autoload(c->skel->progs.bd_generate, c->options.crash);
	bpf_program__set_autoload(c->skel->progs.bd_exit_status, c->options.crash);
	bpf_program__set_autoload(c->skel->progs.bd_victim, c->options.crash && task);
	bpf_program__set_autoload(c->skel->progs.bd_victim_pid, c->options.crash && !task);
}

/* Below the run-queue lock task storage may be created only where the BPF allocator makes it. */
static void choose_features(struct collector *c, const struct btf *btf)
{
	bool storage = kernel_has_field(btf, "bpf_local_storage_map", "selem_ma");

	c->skel->rodata->config.task_pt_regs = kernel_has_helper(btf, "BPF_FUNC_task_pt_regs");
	c->skel->rodata->config.task_btf =
		kernel_has_helper(btf, "BPF_FUNC_get_current_task_btf");
	c->skel->rodata->config.task_storage = storage;
	bpf_map__set_autocreate(storage ? c->skel->maps.times_hash : c->skel->maps.times, false);
	bpf_program__set_autoload(c->skel->progs.bd_leave,
				  kernel_has_trace(btf, "btf_trace_sched_prepare_exec"));
	if (!(c->options.filter & BD_FILTER_PID))
		bpf_program__set_autoload(c->skel->progs.bd_fork, false);
	choose_crash(c, btf);
	bpf_program__set_autoload(c->skel->progs.bd_dump, c->options.dump);
	bpf_map__set_autocreate(c->skel->maps.looks, c->options.dump);
}

static void configure(struct collector *c)
{
	struct bd_config *config = (struct bd_config *)&c->skel->rodata->config;
	struct stat st;

	config->filter = c->options.filter;
	config->ncomms = c->options.ncomms;
	for (unsigned i = 0; i < c->options.ncomms; i++)
		snprintf(config->comms[i], BD_COMM, "%s", c->options.comms[i]);
	config->cgroup_id = c->options.cgroup_id;
	config->cgroup_ssid = c->options.cgroup_ssid;
	config->pidns_inum = stat("/proc/self/ns/pid", &st) ? 0 : st.st_ino;
	config->nrings = rings_layout(c->ncpus, &config->ring_shift);
	config->wakeup_bytes = c->options.ring_bytes / 4;
	config->stack_slots_mask = STACK_SLOTS - 1;
	config->process_slots_mask = PROCESS_SLOTS - 1;
	config->thread_size = KERNEL_STACK_BYTES;
	if (getrandom(&config->hash_seed, sizeof(config->hash_seed), GRND_NONBLOCK) < 0)
		config->hash_seed = clock_monotonic_ns();
	bpf_map__set_max_entries(c->skel->maps.cpus, c->ncpus);
	bpf_map__set_max_entries(c->skel->maps.scratches, c->ncpus * 2);
	bpf_map__set_max_entries(c->skel->maps.sent_stacks, STACK_SLOTS);
	bpf_map__set_max_entries(c->skel->maps.processes, PROCESS_SLOTS);
	bpf_map__set_max_entries(c->skel->maps.mappings, MAPPING_CHUNKS);
}

static int cpus_map(struct collector *c)
{
	size_t page = sysconf(_SC_PAGESIZE);
	int fd = bpf_map__fd(c->skel->maps.cpus);

	c->cpus_bytes = (c->ncpus * sizeof(*c->cpus) + page - 1) / page * page;
	void *at = mmap(NULL, c->cpus_bytes, PROT_READ, MAP_SHARED, fd, 0);

	c->cpus = at == MAP_FAILED ? NULL : at;
	return c->cpus ? 0 : -errno;
}

void collector_quiet(void)
{
	if (!getenv("BACKDRAFT_LIBBPF"))
		libbpf_set_print(NULL);
}

static int load(struct collector *c, char *error)
{
	collector_quiet();
	struct btf *btf = btf__load_vmlinux_btf();

	if (libbpf_get_error(btf)) {
		say(error, "this kernel has no BTF (/sys/kernel/btf/vmlinux): it needs "
			   "CONFIG_DEBUG_INFO_BTF=y, as distributions' kernels since 5.10 have");
		return -EOPNOTSUPP;
	}
	c->skel = backdraft__open();
	if (!c->skel) {
		int err = -errno;

		say(error, "BPF programs: %s", strerror(-err));
		btf__free(btf);
		return err;
	}
	choose_features(c, btf);
	btf__free(btf);
	configure(c);
	int err = backdraft__load(c->skel);

	if (err)
		say(error, "the kernel refuses the BPF programs: %s; `backdraft doctor` says what is missing",
		    strerror(-err));
	return err;
}

int collector_new(struct collector **ret, const struct collector_options *options,
		  const struct collector_sink *sink, char error[COLLECTOR_ERROR])
{
	struct collector *c = calloc(1, sizeof(*c));
	int err;

	if (!c)
		return -ENOMEM;
	c->options = *options;
	c->sink = *sink;
	if (!c->options.ring_bytes)
		c->options.ring_bytes = RING_BYTES_DEFAULT;
	c->ncpus = cpu_possible();
	c->running = calloc(c->ncpus, sizeof(*c->running));
	c->first_offset = calloc(c->ncpus, sizeof(*c->first_offset));
	err = c->running && c->first_offset ? load(c, error) : -ENOMEM;
	if (err)
		goto fail;
	err = rings_open(&c->rings, bpf_map__fd(c->skel->maps.rings), c->skel->rodata->config.nrings,
			 c->options.ring_bytes, on_record, c);
	if (!err)
		err = cpus_map(c);
	if (err) {
		say(error, "ring buffers of %zu bytes: %s", c->options.ring_bytes, strerror(-err));
		goto fail;
	}
	*ret = c;
	return 0;
fail:
	collector_free(c);
	return err;
}

void collector_free(struct collector *c)
{
	if (!c)
		return;
	sampler_free(c->sampler);
	bpf_link__destroy(c->iter);
	rings_release(&c->rings);
	if (c->cpus)
		munmap(c->cpus, c->cpus_bytes);
	backdraft__destroy(c->skel);
	free(c->running);
	free(c->first_offset);
	free(c);
}

int collector_attach(struct collector *c, char error[COLLECTOR_ERROR])
{
	struct {
		struct bpf_program *prog;
		struct bpf_link **link;
	} hooks[] = {
		{ c->skel->progs.bd_fork, &c->skel->links.bd_fork },
		{ c->skel->progs.bd_leave, &c->skel->links.bd_leave },
		{ c->skel->progs.bd_exec, &c->skel->links.bd_exec },
		{ c->skel->progs.bd_exit, &c->skel->links.bd_exit },
		{ c->skel->progs.bd_free, &c->skel->links.bd_free },
		{ c->skel->progs.bd_deliver, &c->skel->links.bd_deliver },
		{ c->skel->progs.bd_deliver_states, &c->skel->links.bd_deliver_states },
		{ c->skel->progs.bd_generate, &c->skel->links.bd_generate },
		{ c->skel->progs.bd_exit_status, &c->skel->links.bd_exit_status },
		{ c->skel->progs.bd_victim, &c->skel->links.bd_victim },
		{ c->skel->progs.bd_victim_pid, &c->skel->links.bd_victim_pid },
		{ c->skel->progs.bd_switch, &c->skel->links.bd_switch },
		{ c->skel->progs.bd_tasks, &c->iter },
	};

	c->skel->bss->mode = c->options.watch ? BD_WATCH : BD_CAPTURE;
	for (size_t i = 0; i < sizeof(hooks) / sizeof(*hooks); i++) {
		if (!bpf_program__autoload(hooks[i].prog) ||
		    (c->options.watch && hooks[i].prog == c->skel->progs.bd_switch))
			continue;
		struct bpf_link *link = bpf_program__attach(hooks[i].prog);

		if (!link) {
			int err = -errno;

			say(error, "attaching %s: %s", bpf_program__name(hooks[i].prog),
			    strerror(-err));
			return err;
		}
		*hooks[i].link = link;
	}
	int err = sampler_new(&c->sampler, c->options.rate_hz, &c->event);

	if (!err)
		err = sampler_attach(c->sampler, bpf_program__fd(c->skel->progs.bd_sample));
	if (err)
		say(error, "sampling events at %u Hz: %s", c->options.rate_hz, strerror(-err));
	return err;
}

/* --- the task iterator */
int collector_add_target(struct collector *c, uint32_t ns_tgid, struct bd_task *ret)
{
	uint32_t one = 1;
	int err = task_iter_find(bpf_link__fd(c->iter), ns_tgid, ret);

	if (!err && bpf_map_update_elem(bpf_map__fd(c->skel->maps.targets), &ret->thread.tgid, &one,
					BPF_ANY))
		err = -errno;
	return err;
}

struct edge {
	struct collector *c;
	enum collector_edge edge;
};

static void on_task(void *arg, const struct bd_task *task, const struct bd_waits *waits,
		    const struct bd_chunk *chunk)
{
	const struct edge *edge = arg;
	struct collector *c = edge->c;

	if (task->running_on && task->running_on <= c->ncpus)
		c->running[task->running_on - 1] = true;
	c->sink.task(c->sink.arg, task, waits, chunk, edge->edge);
}

static int read_edge(struct collector *c, enum collector_edge why, enum bd_pass pass, char *error)
{
	struct edge edge = { c, why };

	memset(c->running, 0, c->ncpus * sizeof(*c->running));
	c->skel->bss->iterator_pass = pass;
	int err = task_iter_read(bpf_link__fd(c->iter), on_task, &edge);

	c->skel->bss->iterator_pass = BD_PASS_LOOK;
	if (err)
		say(error, "reading the threads' sums: %s", strerror(-err));
	return err;
}

/* The samples begin first: a window without them would have time in which none is due. */
int collector_begin(struct collector *c, char error[COLLECTOR_ERROR])
{
	int err = sampler_enable(c->sampler);

	if (err) {
		say(error, "starting the samples: %s", strerror(-err));
		return err;
	}
	c->start_ns = clock_monotonic_ns();
	c->skel->bss->window_start_ns = c->start_ns;
	for (unsigned cpu = 0; cpu < c->ncpus; cpu++)
		c->first_offset[cpu] = c->cpus[cpu].clock_offset;
	return read_edge(c, COLLECTOR_BEGIN, c->options.watch ? BD_PASS_LOOK : BD_PASS_BEGIN,
			 error);
}

/* Beside thousands of short processes the table would be full long before the end. */
static void blockers_relieve(struct collector *c)
{
	uint64_t made = 0;

	for (unsigned cpu = 0; cpu < c->ncpus; cpu++)
		made += c->cpus[cpu].blockers;
	if (made - c->blockers_made < BD_BLOCKERS / 2)
		return;
	c->blockers_made = made;
	blockers_take(bpf_map__fd(c->skel->maps.blockers), &c->sink);
}

int collector_poll(struct collector *c, int timeout_ms)
{
	int n = ring_buffer__poll(c->rings.reader, timeout_ms), more;

	if (n < 0 && n != -EINTR)
		return n;
	/* The programs wake us only for a quarter of a ring; the rest is fetched at each look. */
	more = ring_buffer__consume(c->rings.reader);
	blockers_relieve(c);
	return (n > 0 ? n : 0) + (more > 0 ? more : 0);
}

void collector_refresh(struct collector *c)
{
	sampler_refresh(c->sampler);
}

int collector_end(struct collector *c, char error[COLLECTOR_ERROR])
{
	int err = sampler_disable(c->sampler);

	if (err) {
		say(error, "stopping the samples: %s", strerror(-err));
		return err;
	}
	c->end_ns = clock_monotonic_ns();
	err = read_edge(c, COLLECTOR_END, BD_PASS_LOOK, error);
	if (err)
		return err;
	bpf_link__destroy(c->skel->links.bd_switch);
	c->skel->links.bd_switch = NULL;
	return blockers_take(bpf_map__fd(c->skel->maps.blockers), &c->sink);
}

/* --- watching */
int collector_look(struct collector *c, char error[COLLECTOR_ERROR])
{
	return read_edge(c, COLLECTOR_LOOK, BD_PASS_LOOK, error);
}

int collector_set_rate(struct collector *c, unsigned rate_hz)
{
	return sampler_set_rate(c->sampler, rate_hz);
}

int collector_poll_fd(const struct collector *c)
{
	return ring_buffer__epoll_fd(c->rings.reader);
}

/* A thread that the pass below misses counts from its first departure: see time_get(). */
int collector_burst_begin(struct collector *c, unsigned rate_hz, char error[COLLECTOR_ERROR])
{
	c->skel->bss->window_start_ns = clock_monotonic_ns();
	c->skel->bss->mode = BD_BURST;
	c->skel->links.bd_switch = bpf_program__attach(c->skel->progs.bd_switch);
	if (!c->skel->links.bd_switch) {
		int err = -errno;

		c->skel->bss->mode = BD_WATCH;
		say(error, "attaching bd_switch: %s", strerror(-err));
		return err;
	}
	int err = collector_set_rate(c, rate_hz);

	if (err) {
		say(error, "sampling events at %u Hz: %s", rate_hz, strerror(-err));
		return err;
	}
	return read_edge(c, COLLECTOR_LOOK, BD_PASS_BEGIN, error);
}

/* The hook goes first: what a thread would still send has been handed out by the pass. */
int collector_burst_end(struct collector *c, unsigned rate_hz, char error[COLLECTOR_ERROR])
{
	int err = collector_set_rate(c, rate_hz), err2;

	if (err)
		say(error, "sampling events at %u Hz: %s", rate_hz, strerror(-err));
	bpf_link__destroy(c->skel->links.bd_switch);
	c->skel->links.bd_switch = NULL;
	ring_buffer__consume(c->rings.reader);
	err2 = read_edge(c, COLLECTOR_BURST_END, BD_PASS_LOOK, error);
	c->skel->bss->mode = BD_WATCH;
	blockers_take(bpf_map__fd(c->skel->maps.blockers), &c->sink);
	if (!err2)
		err2 = read_edge(c, COLLECTOR_LOOK, BD_PASS_FORGET, error);
	return err ? err : err2;
}

/* --- totals */
uint64_t collector_bpf_ns(const struct collector *c)
{
	uint64_t ns = 0;

	for (unsigned cpu = 0; cpu < c->ncpus; cpu++)
		ns += c->cpus[cpu].sample_ns + c->cpus[cpu].switch_ns;
	return ns;
}

int collector_totals(struct collector *c, struct collector_totals *ret)
{
	struct collector_totals t = { .cpus = sampler_cpus(c->sampler) };

	for (unsigned cpu = 0; cpu < c->ncpus; cpu++)
		collector_totals_add(&t, &c->cpus[cpu], c->first_offset[cpu], c->running[cpu],
				     c->start_ns, c->end_ns);
	if (!sampler_due(c->sampler, &t.due))
		t.due = t.fired;
	bool whole;
	uint64_t enabled_ns = sampler_enabled_ns(c->sampler, &whole);

	collector_totals_capacity(&t, enabled_ns, whole, c->start_ns, c->end_ns);
	t.map_bytes = bpf_object_memory(c->skel->obj);
	for (unsigned i = 0; i < c->rings.n; i++)
		t.map_bytes += bpf_map_memory(c->rings.fd[i]);
	*ret = t;
	return 0;
}

void collector_unwind_maps(const struct collector *c, struct unwind_map_fds *ret)
{
	ret->tables = bpf_map__fd(c->skel->maps.tables);
	ret->rules = bpf_map__fd(c->skel->maps.rules);
	ret->processes = bpf_map__fd(c->skel->maps.processes);
	ret->mappings = bpf_map__fd(c->skel->maps.mappings);
	ret->nprocesses = PROCESS_SLOTS;
	ret->nchunks = MAPPING_CHUNKS;
}

void collector_crash_maps(const struct collector *c, struct crash_map_fds *ret)
{
	ret->watch = bpf_map__fd(c->skel->maps.crash_watch);
	ret->statuses = bpf_map__fd(c->skel->maps.crash_statuses);
}

const struct bpf_program *collector_dump_program(const struct collector *c, int *ret_area)
{
	*ret_area = bpf_map__fd(c->skel->maps.looks);
	return c->skel->progs.bd_dump;
}

uint64_t collector_start_ns(const struct collector *c)
{
	return c->start_ns;
}

uint64_t collector_end_ns(const struct collector *c)
{
	return c->end_ns;
}

const char *collector_event(const struct collector *c)
{
	return c->event;
}
