// SPDX-License-Identifier: BSD-2-Clause
/* Unwind tables in the reader child: a file in, a descriptor of memory with its table out. */
#include <errno.h>
#include <fcntl.h>
#include <sys/mman.h>
#include <unistd.h>

#include "user/lib/unwind/unwind_table.h"
#include "user/reader/reader_child.h"

static int write_all(int fd, const char *data, size_t bytes)
{
	while (bytes) {
		ssize_t n = pwrite(fd, data, bytes, lseek(fd, 0, SEEK_CUR));

		if (n <= 0)
			return n ? -errno : -EIO;
		lseek(fd, n, SEEK_CUR);
		data += n;
		bytes -= (size_t)n;
	}
	return 0;
}

static int share(struct reader_job *job, const struct unwind_table *table)
{
	int fd = memfd_create("unwind-table", MFD_CLOEXEC);
	int err = fd < 0 ? -errno : write_all(fd, (const char *)table->values, table->bytes);

	if (err && fd >= 0)
		close(fd);
	if (!err)
		job->answer_fd = fd;
	return err;
}

enum reader_reason reader_serve_table(struct reader_job *job)
{
	size_t bytes = (size_t)job->st.st_size;
	struct unwind_build build;
	struct unwind_table table;
	void *elf = mmap(NULL, bytes, PROT_READ, MAP_PRIVATE, job->fd, 0);
	int err;

	if (elf == MAP_FAILED)
		return READER_READ;
	err = unwind_table_build(&table, elf, bytes, &build);
	munmap(elf, bytes);
	if (err == -ENODATA)
		return READER_NONE; /* an answer without a descriptor: there is no table */
	if (err)
		return reader_child_reason(err);
	err = share(job, &table);
	unwind_table_release(&table);
	return err ? reader_child_reason(err) : READER_NONE;
}
