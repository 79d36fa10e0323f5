# SPDX-License-Identifier: BSD-2-Clause
"""Crashes that are harder to tell of: of other languages, too deep, too large, too many, all at once.

One daemon for all, as in test_crash.py.
"""

import contextlib
import os
import pathlib
import signal
import subprocess
import sys
import tempfile
import time

import pytest

import bd
import crashes

CROWD = 4500
FREEZER, MEMORY = (f"/sys/fs/cgroup/{name}" for name in ("freezer", "memory"))

# name: (program, arguments); each dies when its standard input ends, but the young one by itself
CLIENTS = {
    "w-cpp": ("crash-cpp", []),
    "w-rs": ("crash-rs", []),
    "w-filter": ("crash", ["filter", 2, "idle", "told"]),
    "w-deep": ("crash", ["overflow", 2, "idle", "told"]),
    "w-deleted": ("crash", ["null", 4, "all", "told"]),
    "w-crowd": ("crash", ["write", CROWD, "idle", "told"]),
    "w-meanwhile": ("crash", ["abort", 4, "idle", "told"]),
    "w-frozen": ("crash", ["write", 3, "idle", "told"]),
    "w-heap": ("crash", ["heap", 3, "idle", "told"]),
    "w-young": ("crash", ["overflow", 2, "idle"]),
}


class World:
    """The daemon, and what dies below it."""

    def __init__(self, directory):
        self.daemon = crashes.Daemon(
            directory, *(crashes.CLIENT.format(name=name, match=name, more="") for name in CLIENTS))
        self.programs = crashes.Programs(directory)

    def start(self, name, prepared=True):
        """It runs, and the daemon has prepared for its death if it is to."""
        program, args = CLIENTS[name]
        process = self.programs.start(name, *args, program=program)
        if prepared:
            self.daemon.wait_for(lambda: self.daemon.client(name)["crash_ready"])
        return process

    def die(self, process, number, seconds=20):
        process.stdin.close()
        assert process.wait(seconds) == -number

    def dump_of(self, name, number):
        process = self.start(name)
        self.die(process, number)
        return self.daemon.dump_of(process.pid)


@pytest.fixture(scope="module")
def world(tmp_path_factory):
    made = World(tmp_path_factory.mktemp("ways"))
    yield made
    made.programs.end()
    made.daemon.stop()


@contextlib.contextmanager
def group_in(root, controller):
    """A control group of version 1 of our own, removed afterwards."""
    if not os.path.exists(root + "/cgroup.procs"):
        pytest.skip(f"optional: no {controller} controller of version 1 to make a group in")
    path = pathlib.Path(tempfile.mkdtemp(prefix="backdraft-test-", dir=root))
    try:
        yield path
    finally:
        end = time.monotonic() + 20
        while (path / "cgroup.procs").read_text() and time.monotonic() < end:
            time.sleep(0.05)
        path.rmdir()


# --- what languages do with errors that nobody takes
def test_an_exception_that_nobody_catches(world):
    dump = world.dump_of("w-cpp", signal.SIGABRT)
    assert "w-cpp died of SIGABRT in shop::Cart::pay; 2 threads" in dump.trigger["explanation"]
    assert dump.functions(dump.first, "w-cpp") == [
        "shop::Cart::pay", "shop::Cart::order<int>", "main", "_start"]
    assert "__cxa_throw" in [frame["name"] for frame in dump.first["frames"]]
    assert dump.functions(dump.threads[1], "w-cpp") == ["shop::serve"]
    assert all(dump.is_whole(thread) for thread in dump.threads)


def test_a_panic_of_rust(world):
    if not (bd.PROGS / "crash-rs").exists():
        pytest.skip("optional: no rustc on this machine")
    dump = world.dump_of("w-rs", signal.SIGABRT)
    pay = "<crash_rs::Cart as crash_rs::Till>::pay"
    assert f"w-rs died of SIGABRT in {pay}; 2 threads" in dump.trigger["explanation"]
    names = dump.functions(dump.first, "w-rs")
    at = names.index(pay)
    assert names[at:at + 3] == [pay, "crash_rs::order", "crash_rs::main"]
    assert any("panicking" in name for name in names[:at]), names
    # With panic=abort, rustc 1.63 gives some functions no unwind entries: std's that calls main().
    assert dump.is_whole(dump.first) or dump.first["frames"][-1]["name"] == "[unwind: no FDE]"
    assert "crash_rs::serve" in dump.functions(dump.threads[1], "w-rs")
    assert dump.is_whole(dump.threads[1])


def test_a_filter_of_system_calls_that_kills(world):
    dump = world.dump_of("w-filter", signal.SIGSYS)
    assert "w-filter died of SIGSYS" in dump.trigger["explanation"]
    assert dump.functions(dump.first, "w-filter") == ["die_filter", "main", "_start"]
    crashes.check_known_threads(dump, "w-filter", 2)


# --- stacks without end
def check_deep(dump, name, reason):
    """The innermost 256 frames, what is left out between, as many of the outer ones, the reason."""
    frames = dump.first["frames"]
    assert [frame["name"] for frame in frames[:256]] == ["deeper"] * 256
    marks = [(at, frame["name"]) for at, frame in enumerate(frames) if frame["kind"] == "cut"]
    assert marks == [(256, "[unwind: too deep]"), (len(frames) - 1, f"[unwind: {reason}]")], marks
    assert f"{name} died of SIGSEGV" in dump.trigger["explanation"]
    assert " in deeper; 3 threads" in dump.trigger["explanation"]
    crashes.check_known_threads(dump, name, 2)


def test_a_stack_that_overflows(world):
    """Thousands of frames, of which the walk goes through 2,048."""
    dump = world.dump_of("w-deep", signal.SIGSEGV)
    check_deep(dump, "w-deep", "too deep")
    assert len(dump.first["frames"]) == 514


def test_a_young_process_that_overflows(world):
    """One that the kernel can't walk yet, since the daemon, which is stopped, hasn't met it: the stack
    is copied, as much as may be."""
    world.daemon.process.send_signal(signal.SIGSTOP)
    try:
        process = world.start("w-young", prepared=False)
        world.die(process, signal.SIGSEGV)
    finally:
        world.daemon.process.send_signal(signal.SIGCONT)
    check_deep(world.daemon.dump_of(process.pid), "w-young", "stack copy too short")


# --- what isn't there any more, or doesn't come
def test_a_program_whose_file_is_gone(world):
    process = world.start("w-deleted", prepared=False)
    world.programs.path("w-deleted").unlink()
    world.daemon.wait_for(lambda: world.daemon.client("w-deleted")["crash_ready"])
    world.die(process, signal.SIGSEGV)
    dump = world.daemon.dump_of(process.pid)
    assert dump.functions(dump.first, "w-deleted")[:2] == ["die_null", "main"], dump.first
    crashes.check_known_threads(dump, "w-deleted", 4)


def test_a_thread_that_never_comes_by_is_named(world):
    with group_in(FREEZER, "freezer") as group:
        process = world.start("w-frozen")
        tasks = pathlib.Path(f"/proc/{process.pid}/task").iterdir()
        sleeper = next(task.name for task in tasks if (task / "comm").read_text() == "sleep\n")
        try:
            (group / "tasks").write_text(sleeper)
            (group / "freezer.state").write_text("FROZEN")
            world.daemon.wait_for(
                lambda: (group / "freezer.state").read_text().strip() == "FROZEN", 10)
            process.stdin.close()
            dump = world.daemon.dump_of(process.pid)
        finally:
            (group / "freezer.state").write_text("THAWED")
        assert process.wait(20) == -signal.SIGSEGV
    (frozen,) = [thread for thread in dump.threads if "never came by" in thread["state"]]
    assert (frozen["name"], frozen["tid"]) == ("sleep", int(sleeper))
    assert "clock_nanosleep" in frozen["state"] and not frozen["frames"]
    assert dump.raw["left_out"] == {"it never came by": 1} and len(dump.threads) == 4
    for thread in dump.threads[1:]:
        if thread is not frozen:
            assert dump.functions(thread, "w-frozen") == crashes.KNOWN[thread["name"]]


# --- much at once
def test_more_threads_than_stacks_are_taken_of_and_a_crash_meanwhile(world):
    """4,096 stacks, the others counted; who dies while that report is made has its own."""
    crowd, other = world.start("w-crowd"), world.start("w-meanwhile")
    world.die(crowd, signal.SIGSEGV)
    world.die(other, signal.SIGABRT)
    dump = world.daemon.dump_of(crowd.pid)
    assert dump.raw["threads_total"] == CROWD + 1
    assert dump.raw["left_out"] == {"more than 4,096 threads": CROWD + 1 - 4096}
    taken = [thread for thread in dump.threads if thread["frames"]]
    assert len(taken) == 4096
    for thread in taken[1:]:
        assert dump.functions(thread, "w-crowd") == crashes.KNOWN[thread["name"]], thread
        assert dump.is_whole(thread), thread
    assert "; 4501 threads" in dump.trigger["explanation"]
    later = world.daemon.dump_of(other.pid)
    written_ns = dump.report.path.stat().st_mtime_ns
    assert dump.raw["taken_ns"] < later.raw["taken_ns"] < written_ns
    crashes.check_known_threads(later, "w-meanwhile", 4)
    world.daemon.check_memory()


READER = """import sys
sys.stdin.read()
while True:
    with open(sys.argv[1], "rb", buffering=0) as file:
        while file.read(1 << 20):
            pass
"""


def available_bytes():
    text = pathlib.Path("/proc/meminfo").read_text()
    return next(int(line.split()[1]) for line in text.splitlines()
                if line.startswith("MemAvailable:")) << 10


def test_a_heap_of_two_gigabytes_under_memory_pressure(world, tmp_path):
    """In a group that has 48 MB more, for which the cache of a file competes that somebody reads."""
    if available_bytes() < 4 << 30:
        pytest.skip("optional: less than 4 GB of memory left")
    with open(tmp_path / "large", "wb") as large:
        large.write(bytes(128 << 20))
        large.flush()
        os.fsync(large.fileno())
        os.posix_fadvise(large.fileno(), 0, 0, os.POSIX_FADV_DONTNEED)  # of no group yet
    with group_in(MEMORY, "memory") as group:
        (group / "memory.limit_in_bytes").write_text(str(2096 << 20))
        process = world.start("w-heap")
        reader = subprocess.Popen([sys.executable, "-c", READER, tmp_path / "large"],
                                  stdin=subprocess.PIPE)
        try:
            for each in (process, reader):
                (group / "cgroup.procs").write_text(str(each.pid))
            reader.stdin.close()
            cached = group / "memory.usage_in_bytes"
            world.daemon.wait_for(lambda: int(cached.read_text()) > 100 << 20, 20)
            began = time.monotonic()
            world.die(process, signal.SIGSEGV, 60)
            dump = world.daemon.dump_of(process.pid)
            assert time.monotonic() - began < 60
            assert int((group / "memory.max_usage_in_bytes").read_text()) > 2048 << 20
            # The limit was in the way, so memory had to be given back meanwhile.
            assert int((group / "memory.failcnt").read_text()) > 0
        finally:
            for each in (process, reader):
                each.kill()
                each.wait()
    assert dump.functions(dump.first, "w-heap") == ["die_write", "die_heap", "main", "_start"]
    crashes.check_known_threads(dump, "w-heap", 3)
    world.daemon.check_memory()
