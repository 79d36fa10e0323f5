# SPDX-License-Identifier: BSD-2-Clause
# backdraft-server, the receiver: user/lib and libraries, nothing of the host tool.

SERVER_SRC  := $(wildcard server/*.c)
SERVER_LIBS := -lmicrohttpd -lgnutls -lsqlite3 -linih -lseccomp
SERVER_OBJ  := $(call obj,$(SERVER_SRC))
# All but the program and its verbs, for tests and fuzzers.
SERVER_PART := $(filter-out $(addprefix $(O)/server/,main.o run.o admin.o),$(SERVER_OBJ))

all: $(O)/backdraft-server
objects: $(SERVER_OBJ)
$(O)/backdraft-server: $(SERVER_OBJ) $(LIB)
	$(call say,LD,$@)$(CC) $(CFLAGS) $(EXTRA_CFLAGS) $(LDFLAGS) -o $@ $^ $(SERVER_LIBS) $(LIBS)

SERVER_UNIT := $(patsubst tests/unit/%.c,$(O)/tests/unit/%,$(wildcard tests/unit/test_server_*.c))
$(SERVER_UNIT): $(O)/tests/unit/%: $(O)/tests/unit/%.o $(SERVER_PART) $(LIB)
	$(call say,LD,$@)$(CC) $(CFLAGS) $(EXTRA_CFLAGS) -o $@ $^ -lcmocka $(SERVER_LIBS) $(LIBS)
