# SPDX-License-Identifier: BSD-2-Clause
"""Crashes on this kernel: how programs of ours die, and that each thread's stack is the known one.

One daemon for all: the programs die side by side, and each test looks at the dump of its own.
"""

import signal

import pytest

import crashes

MAIN = ["main"]
# name: (arguments, signal, functions of the first thread in the program leaf first, words of the sentence)
DEATHS = {
    "c-many": (["write", 2000, "idle", "told"], "SIGSEGV", ["die_write"] + MAIN, ["; 2001 threads"]),
    "c-null": (["null", 4], "SIGSEGV", ["die_null"] + MAIN, ["address 0x0 not mapped", "die_null"]),
    "c-nowhere": (["nowhere", 4], "SIGSEGV", ["die_nowhere"] + MAIN,
                  ["address 0x7ead0000beef not mapped", "die_nowhere"]),
    "c-write": (["write", 4], "SIGSEGV", ["die_write"] + MAIN, ["address 0x1234 not mapped"]),
    "c-abort": (["abort", 4], "SIGABRT", ["die_abort"] + MAIN, ["in die_abort"]),
    "c-divide": (["divide", 4], "SIGFPE", ["die_divide"] + MAIN, ["division by zero"]),
    "c-bus": (["bus", 4], "SIGBUS", ["die_bus"] + MAIN, ["nothing there"]),
    "c-illegal": (["illegal", 4], "SIGILL", ["die_illegal"] + MAIN, ["illegal"]),
    "c-trap": (["trap", 4], "SIGTRAP", ["die_trap"] + MAIN, []),
    "c-again": (["again", 4], "SIGSEGV", ["die_write", "die_again"] + MAIN, []),
    "c-alone": (["write", 0], "SIGSEGV", ["die_write"] + MAIN, ["; 1 thread"]),
    "c-fifty": (["write", 50, "all", "told"], "SIGSEGV", ["die_write"] + MAIN, ["; 51 threads"]),
    "c-core": (["write", 50, "all", "told"], "SIGSEGV", ["die_write"] + MAIN, ["; 51 threads"]),
}


@pytest.fixture(scope="module")
def world(tmp_path_factory):
    """Everything that dies by itself, dead. (daemon, {name: Popen})"""
    directory = tmp_path_factory.mktemp("crash")
    daemon = crashes.Daemon(
        directory,
        *(crashes.CLIENT.format(name=name, match=name, more="") for name in DEATHS),
        crashes.CLIENT.format(name="c-handled", match="c-handled", more=""),
        crashes.CLIENT.format(name="c-exit", match="c-exit", more="crash_exit = 40-42"),
        crashes.CLIENT.format(name="c-off", match="c-off", more="crash = off"))
    programs = crashes.Programs(directory)
    died = {}
    try:
        for name, (args, *_) in DEATHS.items():
            died[name] = programs.start(name, *args, core=name == "c-core")
        # Those with many threads die when the kernel can walk them, as services that run do.
        for name in [name for name, (args, *_) in DEATHS.items() if "told" in args]:
            daemon.wait_for(lambda: daemon.client(name)["crash_ready"])
            died[name].stdin.close()
        died["c-handled"] = programs.start("c-handled", "handled", 1)
        died["c-off"] = programs.start("c-off", "write", 1)
        died["c-exit"] = programs.start("c-exit", "exit", 2)
        for process in died.values():
            process.wait(60)
        yield daemon, died
    finally:
        programs.end()
        daemon.stop()


@pytest.mark.parametrize("name", DEATHS)
def test_every_thread_is_where_it_is_known_to_be(world, name):
    daemon, died = world
    args, death, functions, words = DEATHS[name]
    number = signal.Signals[death]
    assert died[name].returncode == -number
    dump = daemon.dump_of(died[name].pid)
    assert dump.trigger["kind"] == "crash" and dump.trigger["client"] == name
    assert dump.raw["signal"] == number and dump.raw["signal_name"] == death
    assert dump.raw["tid"] == died[name].pid == dump.first["tid"]
    assert dump.raw["threads_total"] == args[1] + 1
    assert dump.functions(dump.first, name) == functions + ["_start"], dump.first
    assert dump.is_whole(dump.first), dump.first
    for word in [name, death, *words]:
        assert word in dump.trigger["explanation"]
    crashes.check_known_threads(dump, name, args[1])


@pytest.mark.parametrize("name", ["c-null", "c-nowhere"])
def test_a_jump_to_nowhere_says_where(world, name):
    daemon, died = world
    dump = daemon.dump_of(died[name].pid)
    leaf = dump.first["frames"][0]
    where = dump.raw["registers"]["rip" if "rip" in dump.raw["registers"] else "pc"]
    assert leaf["kind"] == "cut" and leaf["name"] == f"[no code at 0x{where:x}]"


def test_states_are_those_at_the_first_death(world):
    daemon, died = world
    dump = daemon.dump_of(died["c-fifty"].pid)
    calls = {"sleep": "clock_nanosleep", "lock": "futex", "read": "read"}
    exact = any("blocked" in thread["state"] for thread in dump.threads)
    for thread in dump.threads[1:]:
        state, name = thread["state"], thread["name"]
        if name == "spin":
            assert state in ("running", "runnable", "running or runnable"), thread
        elif exact:
            assert state == f"blocked in {calls[name]}", thread
        else:
            assert state == f"in {calls[name]}", thread


def test_handled_and_switched_off_are_no_crashes(world):
    daemon, died = world
    assert died["c-handled"].returncode == 0
    assert died["c-off"].returncode == -signal.SIGSEGV
    daemon.dump_of(died["c-many"].pid)
    assert not {died["c-handled"].pid, died["c-off"].pid} & {d.death["pid"] for d in daemon.dumps()}


def test_an_exit_status_that_is_a_crash(world):
    daemon, died = world
    assert died["c-exit"].returncode == 42
    dump = daemon.dump_of(died["c-exit"].pid)
    assert dump.death["kind"] == "exit" and dump.death["exit_status"] == 42
    assert "exited with status 42" in dump.trigger["explanation"]
    assert dump.raw["tid"] == died["c-exit"].pid
    crashes.check_known_threads(dump, "c-exit", 2)


def test_time_that_dying_costs(world, capsys):
    """What 2,000 threads wait for their walks: the aim is 10 us a thread on an idle machine."""
    daemon, died = world
    dump = daemon.dump_of(died["c-many"].pid)
    spent = sorted(thread["walk_ns"] for thread in dump.threads)
    with capsys.disabled():
        print(f"\ncrash of {len(spent)} threads: {sum(spent) / len(spent) / 1000:.1f} us a thread, "
              f"median {spent[len(spent) // 2] / 1000:.1f} us")
    # Not where somebody else has the CPU meanwhile: interrupts are off, but a hypervisor's are not.
    assert spent[len(spent) // 2] < 50_000
