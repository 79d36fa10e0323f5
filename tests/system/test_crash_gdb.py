# SPDX-License-Identifier: BSD-2-Clause
"""The stacks of a crash beside those that gdb finds, thread by thread and frame by frame.

Where core files land in the program's own directory, it is the core of the very same death: each
address of each thread has to be the same. Elsewhere (a pipe to a collector; the setting is never
changed) gdb runs a second process of the same program to its death, and functions are compared.
"""

import collections
import pathlib
import re
import shutil

import pytest

import bd
import crashes

# As gdb writes them: a thread's number in the kernel, and a frame; the leaf may lack its address.
THREAD = re.compile(r"^Thread \d+ \(.*?LWP (\d+)\)")
FRAME = re.compile(r"^#(\d+) +(?:0x([0-9a-f]+) in )?([^\s(]+)")
WORDS = ["gdb", "-batch", "-nx", "-iex", "set debuginfod enabled off",
         "-ex", "set print frame-info location-and-address", "-ex", "set backtrace past-main on"]


def core_lands_in_cwd():
    pattern = pathlib.Path("/proc/sys/kernel/core_pattern").read_text().strip()
    return bool(pattern) and pattern[0] not in "|/"


def parse(text):
    """{number of a thread: [(address, function)], leaf first, the innermost of inlined ones alone}"""
    stacks, frames = {}, None
    for line in text.splitlines():
        if found := THREAD.match(line):
            frames = stacks.setdefault(int(found[1]), [])
        elif (found := FRAME.match(line)) and frames is not None:
            frames.append((int(found[2], 16) if found[2] else None, found[3]))
    return stacks


def gdb(*words):
    assert shutil.which("gdb"), "no gdb: tools/deps test installs it"
    done = bd.run([*WORDS, *words], timeout=120)
    stacks = parse(done.stdout)
    assert stacks, done.stdout + done.stderr
    return stacks


def physical(frames):
    """Without those that were inlined, which have their caller's address."""
    return [frame for at, frame in enumerate(frames)
            if at + 1 == len(frames) or frame[0] is None or frames[at + 1][0] != frame[0]]


def compare_addresses(dump, thread, theirs, biases):
    """Each frame is at the same address: it differs from the file's by what the file was moved."""
    ours = [frame for frame in thread["frames"] if frame["kind"] == "native"]
    theirs = physical(theirs)
    assert len(ours) == len(theirs), (thread, theirs)
    for depth, (frame, (address, _)) in enumerate(zip(ours, theirs)):
        # Of a caller gdb has where it goes on, and we where it is: in its call.
        bias = address - (depth > 0) - frame["offset"]
        assert biases.setdefault(frame["module"], bias) == bias, (thread["name"], frame, theirs)
        assert bias % 4096 == 0, (frame, theirs)


def functions_of(frames, program):
    """Of gdb's frames those of the program's own functions: they are known by name."""
    return [name for _, name in physical(frames) if name in program]


@pytest.fixture
def dead(tmp_path):
    """Runs a copy of tests/progs/crash to its death: (its dump, what gdb says of it)."""
    made = []

    def run(threads):
        daemon = crashes.Daemon(tmp_path, crashes.CLIENT.format(name="g", match="g-dies", more=""))
        programs = crashes.Programs(tmp_path)
        made.extend([programs.end, daemon.stop])
        process = programs.start("g-dies", "write", threads, "all", "told", core=True)
        daemon.wait_for(lambda: daemon.client("g")["crash_ready"])
        process.stdin.close()
        assert process.wait(60) == -11
        return daemon.dump_of(process.pid), programs.path("g-dies")

    yield run
    for end in made:
        end()


@pytest.mark.parametrize("threads", [0, 50])
def test_every_thread_is_where_gdb_says(dead, tmp_path, threads):
    dump, program = dead(threads)
    if not core_lands_in_cwd():
        theirs = gdb("-ex", "run", "-ex", "thread apply all bt", "--args", program, "write", threads,
                     "all")
        known = {name for each in crashes.KNOWN.values() for name in each} | {"die_write", "main"}
        ours = collections.Counter(
            tuple(name for name in dump.functions(thread, program.name) if name in known)
            for thread in dump.threads)
        assert ours == collections.Counter(
            tuple(functions_of(frames, known)) for frames in theirs.values())
        return
    cores = [path for path in tmp_path.iterdir() if path.name.startswith("core")]
    assert len(cores) == 1, list(tmp_path.iterdir())
    theirs = gdb("-ex", "thread apply all bt", program, cores[0])
    assert sorted(theirs) == sorted(thread["tid"] for thread in dump.threads)
    biases = {}
    for thread in dump.threads:
        compare_addresses(dump, thread, theirs[thread["tid"]], biases)
        names = dump.functions(thread, program.name)
        assert functions_of(theirs[thread["tid"]], set(names)) == names, thread
