# SPDX-License-Identifier: BSD-2-Clause
# What people who work on it run: lint, format, compdb, install, bench.

C_FILES  := $(wildcard bpf/*.[ch] $(foreach d,user/* user/lib/* server server/*,$(d)/*.[ch]) \
              tests/unit/*.[ch] tests/fuzz/*.[ch] tests/progs/*.[ch] tools/*.[ch])
TOOL_SRC := $(wildcard tools/*.c)

# Everything compiled and nothing linked, for the warnings.
objects: $(call obj,$(LIB_SRC) $(HOST_SRC) $(UNIT_SRC) $(FUZZ_SRC) $(TOOL_SRC))

lint:
	$(Q)O=$(O) CC=$(CC) CLANG=$(CLANG) PYTHON=$(PYTHON) tools/lint

format:
	clang-format -i $(C_FILES)

# Editors and clang tools read it; -n -B shows every command without running one.
compdb:
	$(Q)$(MAKE) -nB V=1 O=$(O) all unit | tools/compdb > compile_commands.json

PREFIX   ?= /usr/local
install: $(O)/backdraft
	install -D -m 755 $(O)/backdraft $(DESTDIR)$(PREFIX)/bin/backdraft
	install -D -m 644 docs/backdraft.1 $(DESTDIR)$(PREFIX)/share/man/man1/backdraft.1
	install -D -m 644 docs/backdraft.conf.5 $(DESTDIR)$(PREFIX)/share/man/man5/backdraft.conf.5
	install -D -m 644 deploy/backdraft.sysusers $(DESTDIR)$(PREFIX)/lib/sysusers.d/backdraft.conf

bench: all progs $(addprefix $(O)/tools/,bench-empty bench-scrub synth-report unwind-table)
	$(Q)O=$(O) tools/bench

SOAK_SECONDS ?= 3600
soak: all progs
	$(Q)O=$(O) tools/soak $(SOAK_SECONDS)
.PHONY: soak

# Writes synthetic reports, for measuring, for tests and for pictures.
$(O)/tools/synth-report: $(addprefix $(O)/tools/,synth-report.o synth-make.o synth-code.o) $(LIB)
	$(call say,LD,$@)$(CC) $(CFLAGS) $(EXTRA_CFLAGS) $(LDFLAGS) -o $@ $^ $(LIBS)
synth: $(O)/tools/synth-report

# A fleet that sends to a receiver.
$(O)/tools/fleetsim: $(addprefix $(O)/tools/,fleetsim.o fleetsim-body.o fleetsim-send.o synth-make.o synth-code.o) $(LIB)
	$(call say,LD,$@)$(CC) $(CFLAGS) $(EXTRA_CFLAGS) $(LDFLAGS) -o $@ $^ $(LIBS)
progs: $(O)/tools/fleetsim

.PHONY: objects synth

# Programs for benchmarks; they may use libbpf, unlike what lives in user/lib.
$(O)/tools/bench-empty: $(O)/tools/bench-empty.o
	$(call say,LD,$@)$(CC) $(CFLAGS) -o $@ $^ -lbpf

# What the quickstart watches. As a release is built, with its names; see there for the functions.
demo: $(O)/tools/demo
$(O)/tools/demo: tools/demo.c
	$(call say,CC,$@)mkdir -p $(@D) && $(CC) -O2 -g -Wall -Wextra -fno-optimize-sibling-calls -o $@ $<
.PHONY: demo

tools: $(O)/tools/unwind-table
$(O)/tools/unwind-table $(O)/tools/bench-scrub: $(O)/tools/%: $(O)/tools/%.o $(LIB)
	$(call say,LD,$@)$(CC) $(CFLAGS) $(EXTRA_CFLAGS) -o $@ $^ $(LIBS)
.PHONY: tools
progs: $(addprefix $(O)/tools/,bench-empty unwind-table)
