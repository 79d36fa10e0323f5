# SPDX-License-Identifier: BSD-2-Clause
"""What a sample costs by the depth of its stack, and a table by the size of its file."""

import bisect
import os
import re
import statistics
import subprocess
import time

from bench_parts.common import (BACKDRAFT, DEPTH, PERF_EVENT, SETTLE_S, UNWIND_TABLE, NotAvailable,
                                Stacks, beside, between, bpf_stats, line, median, programs_of,
                                report_of, running, wait_programs)

FRAMES = (5, 30, 95)
# rate, KB that the program reads between two looks at it, what that is called, aim in us at 30
CASES = ((99, 0, "cold (99 Hz)", 9), (997, 0, "warm (997 Hz)", 4),
         (99, 16384, "99 Hz, the program sweeps the caches", None))
AIMED_FRAMES = 30
WINDOW_S, WINDOWS = 0.25, 16


# --- samples

def busy_depth(frames, sweep_kb):
    """On each CPU one, before everything else that runs there."""
    return [["taskset", "-c", str(cpu), "nice", "-n", "-15", DEPTH, str(frames), "0", str(sweep_kb)]
            for cpu in range(os.cpu_count())]


def window_ns(looks, times):
    """ns a sample in each window between two looks: what the sampling program took in it, that of
    the ticks that met others and were not recorded included, over the samples of ours."""
    for (begin, first), (end, last) in zip(looks, looks[1:]):
        samples = bisect.bisect(times, end) - bisect.bisect(times, begin)
        spent = sum(ns * runs for kind, ns, runs in between(first, last) if kind == PERF_EVENT)
        if samples:
            yield spent / samples


def sample_ns(frames, rate, sweep_kb, directory):
    """ns a sample of our program: the median of short windows. Only it is recorded: of a machine
    with other work, most samples would be that work's, and many of them the first of a process, which
    come with a copy of the stack."""
    path = f"{directory}/depth.bdr"
    argv = [BACKDRAFT, "capture", "-d", "600", "-c", DEPTH.name, "-F", str(rate), "-o", path]
    looks = []
    with bpf_stats(), running(argv) as child:
        wait_programs(child.pid)
        with beside(busy_depth(frames, sweep_kb)):
            time.sleep(SETTLE_S)
            for _ in range(WINDOWS + 1):
                looks.append((time.time_ns(), programs_of(child.pid)))
                time.sleep(WINDOW_S)
    report = report_of(path)
    depths = [sum(kind in ("native", "cut") for _, kind in stack)
              for stack in Stacks(report).of(DEPTH.name)]
    if not depths:
        raise NotAvailable(f"no sample of {DEPTH.name}")
    if statistics.median(depths) != frames:
        raise NotAvailable(f"stacks of {statistics.median(depths)} frames, not {frames}")
    times = sorted(report["window"]["start_ns"] + t_ns for t_ns in report["samples"]["t_ns"])
    found = list(window_ns(looks, times))
    if not found:
        raise NotAvailable("capture ran no program at samples")
    return statistics.median(found)


def bench_sample(options, directory):
    print("us a sample by the kernel's count, of a program without frame pointers on each CPU")
    for rate, sweep_kb, name, aim in CASES:
        for frames in FRAMES if not sweep_kb else (AIMED_FRAMES,):
            found = [sample_ns(frames, rate, sweep_kb, directory) for _ in range(options.runs)]
            line(f"{frames} frames, {name}",
                 f"{median([each / 1000 for each in found], '{:.1f}')} us",
                 f"at most {aim} us" if aim and frames == AIMED_FRAMES else "")


# --- tables

def shared_libraries():
    """What the loader's cache knows."""
    done = subprocess.run(["/sbin/ldconfig", "-p"], capture_output=True, text=True)
    if done.returncode:
        raise NotAvailable(f"ldconfig: {done.stderr.strip()}")
    paths = {os.path.realpath(path) for path in re.findall(r"=> (\S+)", done.stdout)}
    return [path for path in paths if os.path.isfile(path)]


def largest_library():
    return max(shared_libraries(), key=os.path.getsize)


def libc_path():
    """The C library that the programs here run with."""
    done = subprocess.run(["ldd", DEPTH], capture_output=True, text=True)
    found = re.search(r"=> (/\S*libc\S*)", done.stdout)
    if not found:
        raise NotAvailable(f"{DEPTH.name} has no shared C library")
    return os.path.realpath(found.group(1))


def bench_tables(options, directory):
    print("unwind tables: ms to make one, from a file that is in memory")
    for path, aim in ((libc_path(), 5), (largest_library(), 150)):
        times, summary = [], None
        for _ in range(options.runs + 1):
            done = subprocess.run([UNWIND_TABLE, "--summary", path], capture_output=True, text=True)
            if done.returncode:
                raise NotAvailable(done.stderr.strip())
            summary = done.stdout.rsplit(" ", 6)[1:]
            times.append(float(summary[0]))
        size, rows, rules = map(int, summary[1:4])
        line(f"{os.path.basename(path)}, {os.path.getsize(path) / 1e6:.1f} MB: {rows:,} rows, "
             f"{rules:,} rules, {size / 1e6:.2f} MB", f"{median(times[1:])} ms",
             f"at most {aim} ms")
