# SPDX-License-Identifier: BSD-2-Clause
"""Unwind tables in the kernel: one a file, however many processes map it, and given back when none
does any more. Seen from outside: each is a BPF array of the tool's with values of 4 KiB."""

import os
import shutil
import time

import bd

VALUE_BYTES = 4096


def tables(pid):
    """{map id: values} of the tables that the process holds."""
    found = {}
    for number in os.listdir(f"/proc/{pid}/fdinfo"):
        try:
            with open(f"/proc/{pid}/fdinfo/{number}") as lines:
                info = dict(line.rstrip("\n").split(":\t", 1) for line in lines if ":\t" in line)
        except FileNotFoundError:
            continue
        if info.get("map_type") == "2" and info.get("value_size") == str(VALUE_BYTES):
            found[info["map_id"]] = int(info["max_entries"])
    return found


def wait_until(pid, condition, seconds):
    """The first tables for which the condition holds, or the last that were seen."""
    until = time.monotonic() + seconds
    while True:
        now = tables(pid)
        if condition(now) or time.monotonic() > until:
            return now
        time.sleep(0.2)


def test_tables_are_shared_and_given_back(tmp_path):
    """500 processes of ten programs: a table for each program and library, gone when they are."""
    programs = []
    for i in range(10):
        programs.append(tmp_path / f"brief-{i}")
        shutil.copy(bd.prog(f"brief-{i}"), programs[-1])
    out = tmp_path / "a.bdr"
    # A process stays that maps libc and ld.so.
    script = '"$@" >/dev/null; exec /bin/sleep 12'
    with bd.beside(bd.BACKDRAFT, "capture", "-F", "499", "-o", out, "--", "/bin/bash", "-c", script,
                   "bash", bd.prog("forker"), "500", "4", *programs) as tool:
        # bash, forker, ten programs, libraries; and what the tool itself maps, before the exec
        own = bd.run(["ldd", bd.BACKDRAFT]).stdout.count("\n")
        peak = wait_until(tool.pid, lambda now: len(now) >= 14 + own, 10)
        assert 14 <= len(peak) <= 20 + own, f"{len(peak)} tables of 500 processes"
        # sleep, ld.so, libc, the vDSO
        left = wait_until(tool.pid, lambda now: len(now) <= 5, 20)
        assert len(left) <= 5, f"{len(left)} tables are left of {len(peak)}"
        assert sum(left.values()) < sum(peak.values()) / 2
        done = bd.finish(tool, tool.started, 30)
    assert done.status == 0, done.stderr
    report = bd.Report(out)
    unwind = report.raw["unwind"]
    assert unwind["complete"] >= 0.99 * unwind["user_samples"] > 500, unwind


def test_a_program_whose_table_was_given_back(tmp_path):
    """Run again after that, its stacks are whole again."""
    program = tmp_path / "brief-3"
    shutil.copy(bd.prog("brief-3"), program)
    out = tmp_path / "a.bdr"
    script = '"$0" 300; sleep 5; "$0" 300'
    report = bd.capture(out, "-F", "499", command=["/bin/bash", "-c", script, program])
    runs = {}
    for sample in report.samples:
        thread = report.threads[sample["thread"]]
        if thread["process"] != "brief-3":
            continue
        frames = report.stack(sample["stack"]) if sample["stack"] >= 0 else []
        whole, total = runs.get(thread["pid"], (0, 0))
        names = [frame["name"] for frame in frames]
        runs[thread["pid"]] = (whole + ("brief_outer" in names and "main" in names and
                                        names[-1] == "_start"), total + 1)
    assert len(runs) == 2, runs
    for whole, total in runs.values():
        assert total > 100 and whole >= 0.95 * total, runs


def test_copies_of_a_file_share_a_table(tmp_path):
    """As the same library in the images of two containers: other inodes, one table."""
    counts = []
    for copies in (1, 6):
        programs = [tmp_path / f"copy-{copies}-{i}" for i in range(copies)]
        for program in programs:
            shutil.copy(bd.prog("depth"), program)
        children = [bd.start(program, "5", "0") for program in programs]
        try:
            named = [word for child in children for word in ("-p", child.pid)]
            report = bd.capture(tmp_path / "a.bdr", "-d", "1", "-F", "199", *named)
        finally:
            for child in children:
                child.kill()
                child.wait()
        seen = {thread["process"] for thread in report.threads if thread["on_cpu_ns"]}
        assert seen == {program.name for program in programs}
        unwind = report.raw["unwind"]
        assert unwind["complete"] >= 0.95 * unwind["user_samples"] > 0, unwind
        counts.append(unwind["table_bytes"])
    assert counts[0] == counts[1] > 0, counts
