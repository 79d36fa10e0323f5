# SPDX-License-Identifier: BSD-2-Clause
"""Crashes on this kernel: how programs of ours die, and that each thread's stack is the known one.

One daemon for all: the programs die side by side, and each test looks at the dump of its own.
"""

import os
import pathlib
import shutil
import signal
import tempfile

import pytest

import bd
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


# --- others' doing, and loops: a daemon that hears of nothing else
def test_stops_are_counted_and_reported_only_when_asked(watching):
    """100 restarts, by SIGTERM with and without a handler, and by SIGKILL: no report."""
    daemon, programs = watching(
        crashes.CLIENT.format(name="service", match="service", more=""),
        crashes.CLIENT.format(name="told-all", match="told-all", more="crash = all"))
    for i in range(50):
        stopped = programs.start("service", "asked" if i % 2 else "wait", 1)
        killed = programs.start("service", "wait", 1)
        stopped.terminate()
        killed.kill()
        assert stopped.wait(20) == (0 if i % 2 else -signal.SIGTERM)
        assert killed.wait(20) == -signal.SIGKILL
    # Nobody asks for the kills of a process that the daemon hasn't met yet: in its first second.
    victim = programs.start("told-all", "wait", 3)
    daemon.wait_for(lambda: daemon.client("told-all")["crash_ready"])
    victim.kill()
    dump = daemon.dump_of(victim.pid)
    assert dump.death["kind"] == "kill" and dump.raw["signal_name"] == "SIGKILL"
    assert dump.death["sender_pid"] == os.getpid()
    assert f"({os.getpid()})" in dump.trigger["explanation"]
    assert {t["tid"] for t in dump.threads} >= {victim.pid} and len(dump.threads) == 4
    for thread in dump.threads:
        if thread["name"] in crashes.KNOWN:
            assert dump.functions(thread, "told-all") == crashes.KNOWN[thread["name"]], thread
    def counted():
        client = daemon.client("service")
        return client["stops"], client["kills"], client["crashes"]

    daemon.wait_for(lambda: sum(counted()) >= 100)
    assert counted() == (50, 50, 0)
    assert len(daemon.dumps()) == 1


def test_a_loop_of_crashes_makes_one_report(watching):
    daemon, programs = watching(crashes.CLIENT.format(name="loop", match="loop", more=""))
    for _ in range(200):
        programs.start("loop", "write", 0, ready=False)
    for process in programs.running:
        assert process.wait(60) == -signal.SIGSEGV
    daemon.wait_for(lambda: daemon.client("loop")["crashes"] >= 200)
    assert daemon.client("loop")["crashes"] == 200
    assert daemon.client("loop")["crashes_reported"] == 1
    assert len(daemon.dumps()) == 1
    (row,) = [c for c in daemon.status()["crashes"] if c["client"] == "loop"]
    assert row["count"] == 200 and row["counted"] == 199
    assert row["signature"] == daemon.dumps()[0].raw["signature"]
    # Another crash is another report, and it tells of those that were counted.
    other = programs.start("loop", "abort", 0)
    dump = daemon.dump_of(other.pid)
    assert [n for what, n in dump.raw["counted"].items() if row["signature"] in what] == [199]
    daemon.check_memory()


def test_twenty_clients_crash_at_once(watching):
    names = [f"twenty-{i}" for i in range(20)]
    daemon, programs = watching(*(crashes.CLIENT.format(name=n, match=n, more="") for n in names))
    died = [programs.start(name, "write", 3, "idle", "told") for name in names]
    for process in died:
        process.stdin.close()
    for name, process in zip(names, died):
        dump = daemon.dump_of(process.pid)
        assert dump.trigger["client"] == name and len(dump.threads) == 4
    crashes.check_known_threads(dump, names[-1], 3)
    daemon.check_memory()


MEMORY = "/sys/fs/cgroup/memory"


@pytest.mark.skipif(not os.path.exists(f"{MEMORY}/memory.limit_in_bytes"),
                    reason="optional: no memory controller of version 1 to make a group in")
def test_a_control_group_without_memory(watching):
    daemon, programs = watching(crashes.CLIENT.format(name="hungry", match="hungry", more=""))
    group = tempfile.mkdtemp(prefix="backdraft-test-", dir=MEMORY)
    try:
        pathlib.Path(group, "memory.limit_in_bytes").write_text(str(64 << 20))
        process = programs.start("hungry", "memory", 3, "idle", "told")
        pathlib.Path(group, "cgroup.procs").write_text(str(process.pid))
        process.stdin.close()
        assert process.wait(60) == -signal.SIGKILL
        dump = daemon.dump_of(process.pid)
        assert dump.trigger["kind"] == "oom" and dump.death["kind"] == "oom"
        assert "out of memory" in dump.trigger["explanation"]
        assert len(dump.threads) == 4
        main = next(t for t in dump.threads if t["tid"] == process.pid)
        assert "die_memory" in dump.functions(main, "hungry"), main
        assert daemon.client("hungry")["crashes"] == 1
    finally:
        programs.end()
        os.rmdir(group)


def test_a_command_that_dies_in_a_capture(tmp_path):
    report = bd.capture(tmp_path / "c.bdr", "-d", "20", command=[bd.prog("crash"), "null", "8"])
    dump = crashes.Dump(report)
    assert report.raw["command"]["signal"] == signal.SIGSEGV
    assert dump.death["pid"] == report.raw["command"]["pid"]
    assert dump.functions(dump.first, "crash") == ["die_null", "main", "_start"]
    crashes.check_known_threads(dump, "crash", 8)
    shown = bd.backdraft("show", tmp_path / "c.bdr").stdout
    assert "crash died of SIGSEGV (address 0x0 not mapped) in die_null; 9 threads" in shown
    for word in ("die_null", "in_lock", "in_sleep", "in_read", "in_spin"):
        assert word in shown


@pytest.mark.parametrize("name", crashes.ABORTED)
def test_real_programs_aborted(watching, tmp_path, name):
    """All native threads of a real JVM, Node and Python, by the names that /proc gave them."""
    if not shutil.which(crashes.ABORTED[name][0][0]):
        pytest.skip(f"optional: no {name} on this machine")
    daemon, programs = watching(crashes.CLIENT.format(name="real", match=name, more=""))
    crashes.abort_real(daemon, programs, tmp_path, name)
