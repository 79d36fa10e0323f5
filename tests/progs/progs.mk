# SPDX-License-Identifier: BSD-2-Clause
# The test programs. `make progs` builds them to $(O)/tests/progs/.

PROGS_O   := $(O)/tests/progs
PROG_CC    = $(CC) -std=gnu11 $(WARN) -O2 -g -D_GNU_SOURCE -MMD -MP
FRAMES    := -fno-omit-frame-pointer -mno-omit-leaf-frame-pointer
NO_FRAMES := -fomit-frame-pointer

RUSTC     ?= $(shell command -v rustc)
CHAINS_CXX = $(CXX) -std=c++17 -Wall -Wextra -O2 -g -D_GNU_SOURCE $(NO_FRAMES)

# Built with frame pointers: what they say must be found however stacks are walked.
PROGS     := crash shares mixed forker threads4096 renamer exiter kernelburn mapupdate mapper idle family onset turns hold lastwords
# Ten binaries of one source, without frame pointers.
BRIEFS    := $(addprefix brief-,0 1 2 3 4 5 6 7 8 9)

# For `make bench`.
BENCHES   := depth mapmany

# A clock that a test can set.
progs: $(PROGS_O)/clockshift.so
$(PROGS_O)/clockshift.so: tests/progs/clockshift.c
	@mkdir -p $(@D)
	$(call say,PROG,$@)$(PROG_CC) -shared -fPIC -o $@ $<

# For machines without our C library: the guests of tests/vm.
STATICS   := shares-static crash-static

progs: $(addprefix $(PROGS_O)/,$(PROGS) $(BRIEFS) $(BENCHES) $(STATICS))

$(addprefix $(PROGS_O)/,$(PROGS)): $(PROGS_O)/%: tests/progs/%.c
	@mkdir -p $(@D)
	$(call say,PROG,$@)$(PROG_CC) $(FRAMES) -o $@ $< -lpthread
$(addprefix $(PROGS_O)/,$(BENCHES)): $(PROGS_O)/%: tests/progs/%.c
	@mkdir -p $(@D)
	$(call say,PROG,$@)$(PROG_CC) $(NO_FRAMES) -o $@ $<
$(addprefix $(PROGS_O)/,$(BRIEFS)): $(PROGS_O)/brief-%: tests/progs/brief.c
	@mkdir -p $(@D)
	$(call say,PROG,$@)$(PROG_CC) $(NO_FRAMES) -DVARIANT=$* -o $@ $<
$(addprefix $(PROGS_O)/,$(STATICS)): $(PROGS_O)/%-static: tests/progs/%.c
	@mkdir -p $(@D)
	$(call say,PROG,$@)$(PROG_CC) $(FRAMES) -static -o $@ $< -lpthread

# Deaths by what a language does with its errors.
progs: $(PROGS_O)/crash-cpp $(if $(RUSTC),$(PROGS_O)/crash-rs)
$(PROGS_O)/crash-cpp: tests/progs/crash_cpp.cc
	@mkdir -p $(@D)
	$(call say,PROG,$@)$(CHAINS_CXX) -o $@ $< -lpthread
$(PROGS_O)/crash-rs: tests/progs/crash_rs.rs
	@mkdir -p $(@D)
	$(call say,PROG,$@)MAKEFLAGS= $(RUSTC) --edition 2021 -O -g -C panic=abort -o $@ $<

# Known chains, in each way that a program can be linked.
CHAINS_O   := $(PROGS_O)/chains
CHAINS_SRC := $(addprefix tests/progs/chains/,chains.c calls.c leaves.c signals.c jit.c)
CHAINS_CC   = $(CC) -std=gnu11 $(WARN) -Wno-vla -O2 -g -D_GNU_SOURCE $(NO_FRAMES)
MUSL_CC    ?= $(shell command -v musl-gcc)
CHAINS     := dynamic static-pie static stripped cpp cpp-stripped $(if $(RUSTC),rs) \
              debug-frame bare frames $(if $(MUSL_CC),musl)

LINK_dynamic    := -pie -fPIE
LINK_static-pie := -static-pie -fPIE -DCHAINS_STATIC
LINK_static     := -static -fno-pie -DCHAINS_STATIC

progs: $(addprefix $(CHAINS_O)/,$(addprefix chains-,$(CHAINS)) libchain.so)
ifeq ($(RUSTC),)
progs: no-rust
.PHONY: no-rust
no-rust:
	@echo '  SKIP     chains-rs: no rustc on this machine, Rust stacks are not tested' >&2
endif

$(addprefix $(CHAINS_O)/chains-,dynamic static-pie static): $(CHAINS_O)/chains-%: $(CHAINS_SRC) \
  tests/progs/chains/chains.h tests/progs/prog.h
	@mkdir -p $(@D)
	$(call say,PROG,$@)$(CHAINS_CC) $(LINK_$*) -o $@ $(CHAINS_SRC) -lpthread
$(CHAINS_O)/libchain.so: tests/progs/chains/libchain.c tests/progs/prog.h
	@mkdir -p $(@D)
	$(call say,PROG,$@)$(CHAINS_CC) -shared -fPIC -o $@ $<
$(CHAINS_O)/chains-cpp: tests/progs/chains/chains_cpp.cc
	@mkdir -p $(@D)
	$(call say,PROG,$@)$(CHAINS_CXX) -o $@ $<
$(CHAINS_O)/chains-rs: tests/progs/chains/chains_rs.rs
	@mkdir -p $(@D)
	$(call say,PROG,$@)MAKEFLAGS= $(RUSTC) --edition 2021 -O -g -C force-frame-pointers=no -o $@ $<
$(CHAINS_O)/chains-stripped: $(CHAINS_O)/chains-dynamic
	$(call say,STRIP,$@)strip -o $@ $<
$(CHAINS_O)/chains-cpp-stripped: $(CHAINS_O)/chains-cpp
	$(call say,STRIP,$@)strip -o $@ $<

# Code without .eh_frame: with .debug_frame, with frame pointers, and with neither.
NO_ENTRIES := -fno-asynchronous-unwind-tables -fno-unwind-tables
$(CHAINS_O)/chains-debug-frame: $(CHAINS_SRC) tests/progs/chains/chains.h tests/progs/prog.h
	@mkdir -p $(@D)
	$(call say,PROG,$@)$(CHAINS_CC) $(NO_ENTRIES) -o $@ $(CHAINS_SRC) -lpthread
$(CHAINS_O)/chains-bare: $(CHAINS_O)/chains-debug-frame
	$(call say,STRIP,$@)strip -g -o $@ $<
$(CHAINS_O)/chains-frames: $(CHAINS_SRC) tests/progs/chains/chains.h tests/progs/prog.h
	@mkdir -p $(@D)
	$(call say,PROG,$@)$(CHAINS_CC) $(NO_ENTRIES) $(FRAMES) -g0 -o $@ $(CHAINS_SRC) -lpthread
# The C library has next to no entries there, and no frame pointers.
$(CHAINS_O)/chains-musl: $(CHAINS_SRC) tests/progs/chains/chains.h tests/progs/prog.h
	@mkdir -p $(@D)
	$(call say,PROG,$@)$(MUSL_CC) $(filter-out $(firstword $(CHAINS_CC)),$(CHAINS_CC)) -static -DCHAINS_STATIC -o $@ $(CHAINS_SRC)
