# SPDX-License-Identifier: BSD-2-Clause
# backdraft-server, the receiver: user/lib and libraries, nothing of the host tool.

SERVER_SRC  := $(wildcard server/*.c)
SERVER_LIBS := -lmicrohttpd -lgnutls -lsqlite3 -ldeflate -linih -lseccomp
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

# Fuzzers of what comes from outside; the whole of `make fuzz` runs them.
SERVER_FUZZ := $(patsubst tests/fuzz/%.c,$(O)/tests/fuzz/%,$(wildcard tests/fuzz/fuzz_server_*.c))
$(SERVER_FUZZ): $(O)/tests/fuzz/%: $(O)/tests/fuzz/%.o $(SERVER_PART) $(LIB)
	$(call say,LD,$@)$(CC) $(CFLAGS) $(FUZZ_FLAGS) -fsanitize=fuzzer -o $@ $^ $(SERVER_LIBS) $(LIBS)

# The receiver's own suite needs no root. The full one has two million heartbeats.
.PHONY: test-server test-server-full
test-server test-server-full: all progs
	$(Q)$(if $(filter %-full,$@),HEARTBEATS=2000000) $(PYTEST) -s tests/server

PREFIX ?= /usr/local
install: install-server
.PHONY: install-server
install-server: $(O)/backdraft-server
	install -D -m 755 $(O)/backdraft-server $(DESTDIR)$(PREFIX)/bin/backdraft-server
	install -D -m 644 docs/backdraft-server.8 $(DESTDIR)$(PREFIX)/share/man/man8/backdraft-server.8
