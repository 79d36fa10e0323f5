// SPDX-License-Identifier: BSD-2-Clause
/* The fuzzer's dictionary from wire.def and heartbeat.def: every name as MessagePack has it, and headers of all
 * formats. */
#include <stdio.h>
#include <string.h>

#include "user/lib/profile/heartbeat.h"

static void entry(const char *name)
{
	printf("\"\\x%02x%s\"\n", (unsigned int)(0xa0 + strlen(name)), name);
}

int main(void)
{
#define FIELD(map, number, kind, name, doc) entry(#name);
#define COLUMN(table, number, kind, name, doc) entry(#name);
#define NEST(owner, number, type, name, doc) entry(#name);
#include "user/lib/profile/wire.def"
#define FIELD(map, number, kind, name, doc) entry(#name);
#define COLUMN(table, number, kind, name, doc) entry(#name);
#define NEST(owner, number, type, name, doc) entry(#name);
#include "user/lib/profile/heartbeat.def"
	entry(REPORT_SCHEMA);
	entry(HEARTBEATS_SCHEMA);
	for (unsigned int header = 0xc0; header < 0xe0; header++)
		printf("\"\\x%02x\"\n\"\\x%02x\\xff\\xff\\xff\\xff\"\n", header, header);
	return 0;
}
