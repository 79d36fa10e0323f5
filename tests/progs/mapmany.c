// SPDX-License-Identifier: BSD-2-Clause
/*
 * mapmany CPU_MS FILE...: maps the code of each ELF file as a loader would, without running any of
 * it, and then works for CPU_MS. Prints how many it mapped.
 */
#include <elf.h>
#include <stdbool.h>
#include <sys/mman.h>
#include "prog.h"

/* The code of the ELF file `fd`; false if it has none for this machine. */
static bool map_code(int fd)
{
	Elf64_Ehdr head;
	Elf64_Phdr segment;

	if (pread(fd, &head, sizeof(head), 0) != sizeof(head) ||
	    memcmp(head.e_ident, ELFMAG, SELFMAG) || head.e_ident[EI_CLASS] != ELFCLASS64 ||
	    head.e_phentsize != sizeof(segment))
		return false;
	for (int i = 0; i < head.e_phnum; i++) {
		off_t at = (off_t)(head.e_phoff + (uint64_t)i * sizeof(segment));

		if (pread(fd, &segment, sizeof(segment), at) != sizeof(segment))
			return false;
		if (segment.p_type != PT_LOAD || !(segment.p_flags & PF_X))
			continue;
		return mmap(NULL, segment.p_filesz, PROT_READ | PROT_EXEC, MAP_PRIVATE, fd,
			    (off_t)(segment.p_offset & ~4095ull)) != MAP_FAILED;
	}
	return false;
}

int main(int argc, char **argv)
{
	int mapped = 0;

	for (int i = 2; i < argc; i++) {
		int fd = open(argv[i], O_RDONLY | O_CLOEXEC);

		if (fd < 0)
			prog_die(argv[i]);
		mapped += map_code(fd);
		close(fd);
	}
	prog_burn(prog_number(argc, argv, 1, 2000) * PROG_MS);
	printf("{\"pid\": %d, \"mapped\": %d}\n", getpid(), mapped);
	return 0;
}
