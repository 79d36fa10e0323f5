# SPDX-License-Identifier: BSD-2-Clause
# Programs that system tests drive: parts of the tool, without the rest of it.

READER_OBJ := $(call obj,$(wildcard tests/system/reader_*.c $(addprefix user/reader/,reader*.c sandbox.c journal.c)))
$(O)/tests/system/reader_driver: $(READER_OBJ) $(LIB)
	$(call say,LD,$@)$(CC) $(CFLAGS) $(EXTRA_CFLAGS) $(LDFLAGS) -o $@ $^ -lcmocka $(HOST_LIBS) $(LIBS)
progs: $(O)/tests/system/reader_driver $(O)/tools/synth-report

# Clients of the daemon, without BPF: a tree of files is their /proc.
CLIENT_OBJ := $(call obj,$(filter-out %/client_identity.c,$(wildcard user/clients/*.c)) \
  $(addprefix user/common/,small_file.c container.c) user/reader/journal.c)
CLIENT_UNIT := $(addprefix $(O)/tests/unit/test_,units client_rules cgroup_stats clients clients_many thread_history)
$(CLIENT_UNIT): $(O)/tests/unit/%: $(O)/tests/unit/%.o $(CLIENT_OBJ) $(LIB)
	$(call say,LD,$@)$(CC) $(CFLAGS) $(EXTRA_CFLAGS) -o $@ $^ -lcmocka $(LIBS)
$(O)/tests/system/clients_driver: $(O)/tests/system/clients_driver.o $(CLIENT_OBJ) \
  $(call obj,user/clients/client_identity.c $(wildcard user/reader/reader*.c) user/reader/sandbox.c) $(LIB)
	$(call say,LD,$@)$(CC) $(CFLAGS) $(EXTRA_CFLAGS) $(LDFLAGS) -o $@ $^ $(HOST_LIBS) $(LIBS)
progs: $(O)/tests/system/clients_driver

# The walk alone, in BPF and in user space, through the process that runs it.
$(O)/tests/system/%.bpf.o: tests/system/%.bpf.c
	@mkdir -p $(@D)
	$(call say,BPF,$@)$(CLANG) -target bpf -D__TARGET_ARCH_$(ARCH) -O2 -g -Wall -Wextra -Wno-unused-parameter \
	  -mcpu=v3 -I. -I/usr/include/$(shell $(CC) -dumpmachine) -MMD -MP -c $< -o $@
$(O)/tests/system/unwind_driver: $(O)/tests/system/unwind_driver.o $(LIB)
	$(call say,LD,$@)$(CC) $(CFLAGS) $(EXTRA_CFLAGS) $(LDFLAGS) -o $@ $^ -lcmocka -lbpf $(LIBS)
progs: $(O)/tests/system/unwind_driver $(O)/tests/system/unwind_bpf.bpf.o

# Fuzzers, and the programs that make their input.

FUZZ_SECONDS ?= 60
FUZZ_FLAGS   := -fsanitize=address,undefined -fno-sanitize-recover=undefined -fno-omit-frame-pointer
MAKE_REPORT  := $(O)/tests/make/make_report

progs unit: $(MAKE_REPORT)
progs: $(addprefix $(O)/tests/make/,make_state make_first_report)
$(O)/tests/make/make_%: $(O)/tests/make/make_%.o $(LIB)
	$(call say,LD,$@)$(CC) $(CFLAGS) $(EXTRA_CFLAGS) -o $@ $^ $(LIBS)

# All of the library is built with coverage for the fuzzer, in a tree of its own.
fuzz: $(MAKE_REPORT)
	$(Q)$(MAKE) O=$(O)/fuzz CC=$(CLANG) CFLAGS='-O1 -g' \
	  EXTRA_CFLAGS='$(FUZZ_FLAGS) -fsanitize=fuzzer-no-link' fuzzers
	$(Q)MAKE_REPORT=$(MAKE_REPORT) tools/run-fuzz $(FUZZ_SECONDS) $(O)/fuzz

.PHONY: fuzzers
fuzzers: $(FUZZ) $(O)/tests/fuzz/make_dictionary
$(O)/tests/fuzz/make_dictionary: $(O)/tests/fuzz/make_dictionary.o
	$(call say,LD,$@)$(CC) $(CFLAGS) $(FUZZ_FLAGS) -o $@ $^
$(O)/tests/fuzz/fuzz_%: $(O)/tests/fuzz/fuzz_%.o $(LIB)
	$(call say,LD,$@)$(CC) $(CFLAGS) $(FUZZ_FLAGS) -fsanitize=fuzzer -o $@ $^ $(LIBS)

# Of the host tool, what needs no kernel is tested as well.
$(O)/tests/unit/test_hmac: $(addprefix $(O)/user/common/,host_id.o directory.o small_file.o)
$(O)/tests/unit/test_collector_totals: $(O)/user/record/collector_totals.o
$(O)/tests/unit/test_machine_names: $(O)/user/common/machine_names.o
$(O)/tests/unit/test_crash_table: $(O)/user/record/crash.o
$(O)/tests/unit/test_thread_table: $(O)/user/record/thread_table.o $(O)/user/record/event_queue.o

# The spool and what the uploader tells of itself, on real directories.
SPOOL_OBJ := $(call obj,$(wildcard user/upload/spool*.c) user/upload/upload_status.c user/common/directory.c)
$(O)/tests/unit/test_spool: $(O)/tests/unit/test_spool.o $(SPOOL_OBJ) $(LIB)
	$(call say,LD,$@)$(CC) $(CFLAGS) $(EXTRA_CFLAGS) -o $@ $^ -lcmocka $(LIBS)
$(O)/tests/system/spool_driver: $(O)/tests/system/spool_driver.o $(SPOOL_OBJ) $(LIB)
	$(call say,LD,$@)$(CC) $(CFLAGS) $(EXTRA_CFLAGS) $(LDFLAGS) -o $@ $^ $(LIBS)
$(O)/tests/system/fault_preload.so: tests/system/fault_preload.c
	@mkdir -p $(@D)
	$(call say,CC,$@)$(CC) $(CPPFLAGS) $(CFLAGS) -Wall -Wextra -fPIC -shared -o $@ $<
$(O)/tests/system/confine_driver: $(call obj,tests/system/confine_driver.c user/upload/upload_confine.c user/common/autogroup.c)
	$(call say,LD,$@)$(CC) $(CFLAGS) $(EXTRA_CFLAGS) $(LDFLAGS) -o $@ $^ -lseccomp
progs: $(addprefix $(O)/tests/system/,spool_driver fault_preload.so confine_driver)

# What test-system does with 200 reports and 10 kills, at length: about 10 minutes.
test-loss: all progs
	$(Q)LOSS_REPORTS=10000 LOSS_KILLS=200 $(PYTEST) -s tests/system/test_nothing_lost.py
# What test-vm does with one cut, at length.
POWER_CUTS ?= 30
test-power: all progs
	$(Q)POWER_CUTS=$(POWER_CUTS) $(PYTEST) -s tests/vm/test_power.py
# What test_crash.py does once, with and without core files, and with thousands of threads: minutes.
test-crash-long: all progs
	$(Q)$(PYTEST) -s tests/system/long_crash.py
.PHONY: test-loss test-power test-crash-long
$(O)/tests/unit/test_beat_minute: $(O)/user/daemon/daemon_heartbeat.o
