// SPDX-License-Identifier: BSD-2-Clause
#include "user/record/perf_event.h"

#include <errno.h>
#include <stdlib.h>
#include <string.h>
#include <sys/ioctl.h>
#include <sys/syscall.h>
#include <unistd.h>

#include "user/common/cpu_list.h"

struct sampler {
	struct perf_event_attr attr;
	unsigned rate_hz;
	bool clock;
	bool enabled;
	int prog_fd;
	unsigned ncpus;
	bool *online;
	int *fd;	     /* by CPU, -1 where there is none */
	uint64_t *closed_ns; /* enabled time of events of a CPU that went away */
	uint64_t due_before; /* at earlier rates */
};

long perf_event_open(struct perf_event_attr *attr, int pid, int cpu, int group, unsigned long flags)
{
	return syscall(SYS_perf_event_open, attr, pid, cpu, group, flags);
}

static void attr_set(struct sampler *s, bool clock)
{
	s->clock = clock;
	s->attr = (struct perf_event_attr){
		.size = sizeof(s->attr),
		.type = clock ? PERF_TYPE_SOFTWARE : PERF_TYPE_HARDWARE,
		.config = clock ? PERF_COUNT_SW_CPU_CLOCK : PERF_COUNT_HW_CPU_CYCLES,
		.read_format = PERF_FORMAT_TOTAL_TIME_ENABLED,
		.disabled = 1,
		/* A clock's period is exact in ns; only counters need the kernel to chase a rate. */
		.freq = !clock,
	};
	if (clock)
		s->attr.sample_period = 1000000000ULL / s->rate_hz;
	else
		s->attr.sample_freq = s->rate_hz;
}

static int event_open(struct sampler *s, unsigned cpu)
{
	int fd = perf_event_open(&s->attr, -1, cpu, -1, PERF_FLAG_FD_CLOEXEC);

	if (fd < 0)
		return -errno;
	if (s->prog_fd >= 0 && ioctl(fd, PERF_EVENT_IOC_SET_BPF, s->prog_fd))
		goto fail;
	if (s->enabled && ioctl(fd, PERF_EVENT_IOC_ENABLE, 0))
		goto fail;
	s->fd[cpu] = fd;
	return 0;
fail:;
	int err = -errno;

	close(fd);
	return err;
}

static uint64_t enabled_ns(int fd)
{
	uint64_t values[2] = { 0 };

	return read(fd, values, sizeof(values)) == sizeof(values) ? values[1] : 0;
}

int sampler_refresh(struct sampler *s)
{
	int opened = 0, n = cpu_list("online", s->online, s->ncpus);

	if (n < 0)
		return n;
	for (unsigned cpu = 0; cpu < s->ncpus; cpu++) {
		if (s->online[cpu] && s->fd[cpu] < 0) {
			int err = event_open(s, cpu);

			if (err && err != -ENODEV) /* it may have gone offline meanwhile */
				return err;
			opened += !err;
		} else if (!s->online[cpu] && s->fd[cpu] >= 0) {
			s->closed_ns[cpu] += enabled_ns(s->fd[cpu]);
			close(s->fd[cpu]);
			s->fd[cpu] = -1;
		}
	}
	return opened;
}

int sampler_new(struct sampler **ret, unsigned rate_hz, const char **ret_event)
{
	struct sampler *s = calloc(1, sizeof(*s));
	int err = -ENOMEM;

	if (!s)
		return err;
	s->rate_hz = rate_hz;
	s->prog_fd = -1;
	s->ncpus = cpu_possible();
	s->online = calloc(s->ncpus, sizeof(*s->online));
	s->fd = malloc(s->ncpus * sizeof(*s->fd));
	s->closed_ns = calloc(s->ncpus, sizeof(*s->closed_ns));
	if (!s->online || !s->fd || !s->closed_ns)
		goto fail;
	for (unsigned cpu = 0; cpu < s->ncpus; cpu++)
		s->fd[cpu] = -1;

	attr_set(s, false);
	err = sampler_refresh(s);
	if (err == -ENOENT || err == -EOPNOTSUPP || err == -ENODEV || err == 0) {
		attr_set(s, true); /* no counters, as in most virtual machines */
		err = sampler_refresh(s);
	}
	if (err <= 0) {
		err = err ? err : -ENODEV;
		goto fail;
	}
	*ret_event = s->clock ? "cpu-clock" : "cycles";
	*ret = s;
	return 0;
fail:
	sampler_free(s);
	return err;
}

void sampler_free(struct sampler *s)
{
	if (!s)
		return;
	for (unsigned cpu = 0; s->fd && cpu < s->ncpus; cpu++)
		if (s->fd[cpu] >= 0)
			close(s->fd[cpu]);
	free(s->online);
	free(s->fd);
	free(s->closed_ns);
	free(s);
}

static int each_event(struct sampler *s, unsigned long request, unsigned long arg)
{
	for (unsigned cpu = 0; cpu < s->ncpus; cpu++)
		if (s->fd[cpu] >= 0 && ioctl(s->fd[cpu], request, arg))
			return -errno;
	return 0;
}

int sampler_attach(struct sampler *s, int prog_fd)
{
	s->prog_fd = prog_fd;
	return each_event(s, PERF_EVENT_IOC_SET_BPF, prog_fd);
}

int sampler_enable(struct sampler *s)
{
	s->enabled = true;
	return each_event(s, PERF_EVENT_IOC_ENABLE, 0);
}

int sampler_disable(struct sampler *s)
{
	s->enabled = false;
	return each_event(s, PERF_EVENT_IOC_DISABLE, 0);
}

/* Events are opened anew: the period ioctl means another unit for each kind of event. */
int sampler_set_rate(struct sampler *s, unsigned rate_hz)
{
	uint64_t due;

	if (rate_hz == s->rate_hz)
		return 0;
	if (sampler_due(s, &due))
		s->due_before = due;
	for (unsigned cpu = 0; cpu < s->ncpus; cpu++) {
		if (s->fd[cpu] >= 0)
			close(s->fd[cpu]);
		s->fd[cpu] = -1;
		s->closed_ns[cpu] = 0;
	}
	s->rate_hz = rate_hz;
	attr_set(s, s->clock);
	int opened = sampler_refresh(s);

	return opened < 0 ? opened : 0;
}

bool sampler_due(const struct sampler *s, uint64_t *ret_due)
{
	uint64_t due = s->due_before;

	if (!s->clock)
		return false;
	for (unsigned cpu = 0; cpu < s->ncpus; cpu++) {
		uint64_t ns = s->closed_ns[cpu] + (s->fd[cpu] >= 0 ? enabled_ns(s->fd[cpu]) : 0);

		due += ns / s->attr.sample_period;
	}
	*ret_due = due;
	return true;
}

unsigned sampler_cpus(const struct sampler *s)
{
	unsigned n = 0;

	for (unsigned cpu = 0; cpu < s->ncpus; cpu++)
		n += s->fd[cpu] >= 0;
	return n;
}

uint64_t sampler_enabled_ns(const struct sampler *s, bool *ret_whole)
{
	uint64_t ns = 0;

	*ret_whole = true;
	for (unsigned cpu = 0; cpu < s->ncpus; cpu++) {
		ns += s->closed_ns[cpu] + (s->fd[cpu] >= 0 ? enabled_ns(s->fd[cpu]) : 0);
		*ret_whole &= !s->closed_ns[cpu];
	}
	return ns;
}
