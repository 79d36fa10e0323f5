// SPDX-License-Identifier: BSD-2-Clause
#include "user/record/dump_look.h"

#include <errno.h>
#include <stdlib.h>
#include <sys/mman.h>
#include <unistd.h>

#include <bpf/bpf.h>
#include <bpf/btf.h>
#include <bpf/libbpf.h>

#include "user/common/kernel_btf.h"

struct dump_look {
	struct bpf_link *link;
	struct bd_look *area; /* the map itself */
	size_t area_bytes;
};

bool dump_look_is_possible(void)
{
	struct btf *btf = btf__load_vmlinux_btf();

	if (libbpf_get_error(btf))
		return true; /* the collector says what is missing */
	bool possible = kernel_has_helper(btf, "BPF_FUNC_copy_from_user_task") &&
			kernel_has_helper(btf, "BPF_FUNC_task_pt_regs");

	btf__free(btf);
	return possible;
}

int dump_look_new(struct dump_look **ret, const struct bpf_program *program, int area_fd)
{
	struct dump_look *d = calloc(1, sizeof(*d));
	size_t page = sysconf(_SC_PAGESIZE);
	int err;

	if (!d)
		return -ENOMEM;
	d->area_bytes = (sizeof(*d->area) + page - 1) / page * page;
	void *at = mmap(NULL, d->area_bytes, PROT_READ | PROT_WRITE, MAP_SHARED, area_fd, 0);

	d->area = at == MAP_FAILED ? NULL : at;
	if (d->area)
		d->link = bpf_program__attach_iter(program, NULL);
	if (!d->area || !d->link) {
		err = -errno;
		dump_look_free(d);
		return err;
	}
	*ret = d;
	return 0;
}

void dump_look_free(struct dump_look *d)
{
	if (!d)
		return;
	bpf_link__destroy(d->link);
	if (d->area)
		munmap(d->area, d->area_bytes);
	free(d);
}

int dump_look_take(struct dump_look *d, uint32_t tgid,
		   void (*fn)(void *arg, const struct bd_look *look), void *arg)
{
	int fd = bpf_iter_create(bpf_link__fd(d->link)), err = 0;
	uint32_t number;

	if (fd < 0)
		return -errno;
	d->area->tgid = tgid;
	for (;;) {
		/* Of just one: the kernel stops when there is as much as is asked for. */
		ssize_t n = read(fd, &number, sizeof(number));

		if (n < 0 && (errno == EAGAIN || errno == EINTR))
			continue;
		if (n <= 0) {
			err = n ? -errno : 0;
			break;
		}
		if (n != sizeof(number) || number != d->area->number) {
			err = -EPROTO;
			break;
		}
		fn(arg, d->area);
	}
	close(fd);
	return err;
}
