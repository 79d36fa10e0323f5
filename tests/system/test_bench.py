# SPDX-License-Identifier: BSD-2-Clause
"""What tools/bench relies on: its programs have the frames that they promise, and it tells whole
stacks from others. The figures themselves are nobody's pass or failure."""

import re
import shutil
import subprocess
import sys
import time

import pytest

import bd

sys.path.insert(0, str(bd.ROOT / "tools"))

from bench_parts import against_perf, agree, captures, deaths  # noqa: E402
from bench_parts.common import Stacks  # noqa: E402


@pytest.mark.parametrize("frames", [5, 30, 95])
def test_depth_has_its_frames(tmp_path, frames):
    with bd.beside(bd.prog("depth"), frames) as program:
        report = bd.capture(tmp_path / "depth.bdr", "-d", 1, "-F", 199, "-p", program.pid)
    stacks = [stack for stack in Stacks(report.raw).of("depth") if stack]
    depths = [sum(kind in ("native", "cut") for _, kind in stack) for stack in stacks]
    assert len(depths) > 20 and set(depths) == {frames}


def test_depth_does_the_same_work_whatever_the_depth():
    times = []
    for frames in (5, 95):
        done = bd.run([bd.prog("depth"), frames, 5000])
        assert done.status == 0 and f'"frames": {frames}' in done.stdout
        times.append(int(re.search(r'"cpu_ns": (\d+)', done.stdout).group(1)))
    assert min(times) > max(times) / 3, times


@pytest.mark.parametrize("frames", ["4", "0", "100001"])
def test_depth_refuses_what_it_cannot_have(frames):
    assert subprocess.run([bd.prog("depth"), frames], capture_output=True).returncode == 2


def test_many_files_are_mapped_once_each(tmp_path):
    files = captures.libraries()[:40]
    report = bd.capture(tmp_path / "many.bdr", "-d", 2, "-F", 199,
                        command=[bd.prog("mapmany"), 500, *files, bd.ROOT / "README.md"])
    assert report.output["mapped"] == len(files)
    tables, size, rows = captures.table_sums(files)
    assert 0 < tables <= len(files) and size >= 4 * rows
    assert report.raw["cost"]["map_bytes"] > size, "tables are not in the bytes of the maps"


@pytest.mark.parametrize("names, whole", [
    (["work", "main", "__libc_start_call_main", "__libc_start_main", "_start"], True),
    (["work", "main", "__libc_start_main@@GLIBC_2.34", "[unknown]"], True),
    (["work", "start_thread", "libc.so.6+0x10b39c"], True),
    (["work", "start_thread", "clone3"], True),
    (["work", "main"], False),
    (["work", "[unknown]"], False),
    (["work", "main", "[unknown]"], False),
    (["xz+0x1234"], False),
    (["_start", "work", "[unknown]", "[unknown]"], False),
])
def test_whole_stacks_are_told_from_others(names, whole):
    assert against_perf.is_whole(names) == whole


def test_tables_are_measured():
    done = bd.run([bd.ROOT / "tools/bench", "--runs", 1, "--calm", 0, "tables"])
    rows = re.findall(r"([\d,]+) rows, ([\d,]+) rules, .* ms +at most (\d+) ms", done.stdout)
    assert done.status == 0 and [row[2] for row in rows] == ["5", "150"], done.stdout + done.stderr
    assert all(int(row[0].replace(",", "")) > 1000 for row in rows)


def script_of(*stacks):
    """What `perf script` prints: a kernel frame, then those of the stack, leaf first."""
    return "\n".join("prog \n\tffffffff81000000 entry ([kernel.kallsyms])\n" + "".join(
        f"\t{offset:x} {name} (/usr/bin/prog)\n" for name, offset in stack) for stack in stacks)


def test_stacks_are_compared_by_call_site():
    root = [("main", 0x300), ("__libc_start_main", 0x400), ("_start", 0x500)]
    good = [("leaf", 0x100), ("work", 0x200), *root]
    skipped = [("leaf", 0x110), ("work", 0x200), *root[1:]]
    ours = agree.chains_of_script(script_of(*[good] * 100))
    same = agree.chains_of_script(script_of(*[[("leaf", 0x104), *good[1:]]] * 100))
    wrong = agree.chains_of_script(script_of(*[good] * 50, *[skipped] * 50))
    assert (ours.samples, ours.whole) == (100, 100) and len(ours.pairs) == 3
    assert ours.shared_chains(same) == (100, 1) and ours.shared_pairs(same) == 1
    assert not ours.strangers(same) and not same.strangers(ours)
    assert wrong.shared_chains(ours) == (100, 0.5)
    assert [(n, wrong.describe(pair)) for n, pair in wrong.strangers(ours)] == [
        (50, "work (prog+0x200) <- __libc_start_main (prog+0x400)")]
    rare = agree.chains_of_script(script_of(*[good] * 99, skipped))
    assert not rare.strangers(ours), "once may be chance"


def test_a_death_is_timed(tmp_path):
    """Of one that nobody watches: the time is that of the death alone, and the number is its own."""
    program = tmp_path / "bench-death"
    shutil.copy(bd.prog("crash"), program)
    took_ms, pid = deaths.die(program, 3, lambda: time.sleep(0.5))
    assert pid > 1 and 0 < took_ms < 400
