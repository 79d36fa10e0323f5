# SPDX-License-Identifier: BSD-2-Clause
# Backdraft. `make help` lists the targets; everything that is built goes to $(O).

O        ?= build
ifeq ($(origin CC),default)
CC       := gcc
endif
CLANG    ?= clang
BPFTOOL  ?= $(shell tools/find-bpftool)
PYTHON   ?= /usr/bin/python3
CFLAGS   ?= -O2 -g
Q        := $(if $(V),,@)
say       = $(if $(V),,@printf '  %-8s %s\n' $(1) $(2);)

VERSION  := 0.1.0
ARCH     := $(subst aarch64,arm64,$(subst x86_64,x86,$(shell uname -m)))
WARN     := -Wall -Wextra -Wshadow -Wstrict-prototypes -Wmissing-prototypes -Wformat=2 -Wvla \
            -Wno-unused-parameter -Wno-sign-compare -Wno-missing-field-initializers
CPPFLAGS += -D_GNU_SOURCE -DBD_VERSION='"$(VERSION)"' -I. -I$(O)
ALL_CFLAGS = -std=gnu11 $(WARN) $(CFLAGS) $(EXTRA_CFLAGS) -MMD -MP

# msgpack-c 6 renamed its library. Static libraries need those that they need themselves.
MSGPACK  := $(shell pkg-config --libs msgpack-c 2>/dev/null || echo -lmsgpackc)
LIBS     := -linih -ldw -lelf -llzma -lz -lpcre2-8 -lnettle $(MSGPACK) -liberty -lm -lpthread
STATIC_LIBS := $(LIBS) -llzma -lbz2 -lzstd
STATIC_WRAP := --wrap=dlopen,--wrap=getpwuid,--wrap=initgroups
HOST_LIBS := -lbpf -lseccomp
CURL      := -lcurl

BPF_SRC  := $(wildcard bpf/*.bpf.c)
LIB_SRC  := $(wildcard user/lib/*/*.c user/lib/*/*.S)
HOST_SRC := $(wildcard user/*/*.c)
UNIT_SRC := $(wildcard tests/unit/test_*.c)
FUZZ_SRC := $(wildcard tests/fuzz/fuzz_*.c)

obj       = $(patsubst %,$(O)/%.o,$(basename $(1)))
LIB      := $(O)/libbackdraft.a
SKEL     := $(O)/bpf/backdraft.skel.h
UNIT     := $(patsubst tests/unit/%.c,$(O)/tests/unit/%,$(UNIT_SRC))
FUZZ     := $(patsubst tests/fuzz/%.c,$(O)/tests/fuzz/%,$(FUZZ_SRC))

.DELETE_ON_ERROR:
.SECONDARY:
.PHONY: all help static test test-system test-long test-vm fuzz asan lint format bench install compdb clean progs unit
all: $(O)/backdraft

help:
	@printf '%s\n' \
	  'all           build/backdraft, the host tool (default)' \
	  'static        build/backdraft-static: one file that can be copied to another host' \
	  'test          unit tests; no root, seconds' \
	  'asan          the unit tests under AddressSanitizer and UBSan' \
	  'test-system   tests on this kernel, and the page in a browser; root' \
	  'test-server   tests of the receiver; test-server-full: with two million heartbeats' \
	  'test-loss     10,000 reports through a lying proxy, 200 kills; root, 10 minutes' \
	  'test-crash-long  each death with and without a core file, real programs aborted; root, minutes' \
	  'test-long     the daemon with its default times, quickstart; root, minutes' \
	  'test-vm       tests on other kernels, in qemu' \
	  'test-power    reports in a machine whose power goes, POWER_CUTS (30) times; half an hour' \
	  'fuzz          each fuzzer for FUZZ_SECONDS (60)' \
	  'soak          watch a busy machine for SOAK_SECONDS (3600): memory, losses, cost; root' \
	  'bench         measure what the README and the budgets say; root' \
	  'lint          compiler warnings by gcc and clang, include directions, vmlinux.h' \
	  'format        clang-format in place' \
	  'install       to $$DESTDIR$$PREFIX' \
	  'compdb        compile_commands.json, for editors' \
	  'clean         remove $(O)' \
	  '' 'V=1 shows the commands; O=DIR builds elsewhere; CC, CLANG, CFLAGS as usual'

# --- BPF: one object a source, linked into one, and its skeleton
$(O)/bpf/%.bpf.o: bpf/%.bpf.c
	@mkdir -p $(@D)
	$(call say,BPF,$@)$(CLANG) -target bpf -D__TARGET_ARCH_$(ARCH) -O2 -g -Wall -Wextra -Wno-unused-parameter \
	  -mcpu=v3 -Ivmlinux -I. -MMD -MP -c $< -o $@
# libbpf's linker wants to see a map's definition before it sees it declared extern.
BPF_FIRST := bpf/common.bpf.c bpf/walk.bpf.c bpf/crash.bpf.c
$(O)/bpf/backdraft.bpf.o: $(patsubst bpf/%.c,$(O)/bpf/%.o,$(BPF_FIRST) $(filter-out $(BPF_FIRST),$(BPF_SRC)))
	$(call say,LINK,$@)$(BPFTOOL) gen object $@ $^
$(SKEL): $(O)/bpf/backdraft.bpf.o
	$(call say,SKEL,$@)$(BPFTOOL) gen skeleton $< name backdraft > $@

# --- user space
$(O)/%.o: %.c
	@mkdir -p $(@D)
	$(call say,CC,$@)$(CC) $(CPPFLAGS) $(ALL_CFLAGS) -c $< -o $@
$(O)/%.o: %.S
	@mkdir -p $(@D)
	$(call say,AS,$@)$(CC) $(CPPFLAGS) -MMD -MP -c $< -o $@
$(O)/user/record/collector.o: $(SKEL)
$(O)/user/lib/ui/ui.o: $(wildcard user/lib/ui/*)

$(LIB): $(call obj,$(LIB_SRC))
	$(call say,AR,$@)rm -f $@ && $(AR) rcs $@ $^
$(O)/backdraft: $(call obj,$(HOST_SRC)) $(LIB)
	$(call say,LD,$@)$(CC) $(CFLAGS) $(EXTRA_CFLAGS) $(LDFLAGS) -o $@ $^ $(HOST_LIBS) $(CURL) $(LIBS)
static: $(O)/backdraft-static
# Without libcurl, which would bring a dozen libraries and name services along: it can't upload.
$(O)/backdraft-static: $(call obj,$(filter-out user/upload/upload_http.c,$(HOST_SRC)) tools/static/shims.c) $(LIB)
	$(call say,LD,$@)$(CC) $(CFLAGS) $(LDFLAGS) -static -Wl,-S,$(STATIC_WRAP) -o $@ $^ $(HOST_LIBS) $(STATIC_LIBS)

# --- tests
$(O)/tests/unit/%: $(O)/tests/unit/%.o $(LIB)
	$(call say,LD,$@)$(CC) $(CFLAGS) $(EXTRA_CFLAGS) -o $@ $(filter-out $(LIB),$^) $(LIB) -lcmocka $(LIBS)
unit: $(UNIT)
test: unit
	$(Q)tools/run-unit $(UNIT)
asan:
	$(Q)$(MAKE) O=$(O)/asan CFLAGS='-O1 -g' \
	  EXTRA_CFLAGS='-fsanitize=address,undefined -fno-sanitize-recover=undefined -fno-omit-frame-pointer' test

# A suite is a directory of pytest files; those that need root or BPF say so when they skip.
PYTEST   := O=$(O) PYTHONDONTWRITEBYTECODE=1 $(PYTHON) -m pytest -p no:cacheprovider -q -rs
test-system: all progs static
	$(Q)$(PYTEST) tests/system tests/browser
test-long: all progs
	$(Q)$(PYTEST) -s tests/system/long_watch.py tests/system/long_quickstart.py
test-vm: all static progs
	$(Q)$(PYTEST) tests/vm

-include server/server.mk tests/progs/progs.mk tests/tests.mk tools/tools.mk

clean:
	rm -rf $(O)

-include $(shell find $(O) -name '*.d' 2>/dev/null)
