# SPDX-License-Identifier: BSD-2-Clause
"""What a profiler costs those who run beside it: context switches."""

import contextlib
import pathlib
import statistics
import subprocess

from bench_parts.common import (BACKDRAFT, EMPTY, TRACING, NotAvailable, between, first_of, line,
                                measure_programs, median, programs_of, running)

PIPE_LOOPS = 250_000


def pipe_seconds():
    done = subprocess.run(["taskset", "-c", "0", "perf", "bench", "-f", "simple", "sched", "pipe",
                           "-l", str(PIPE_LOOPS)], capture_output=True, text=True)
    if done.returncode:
        raise NotAvailable(f"perf bench: {done.stderr.strip()[-80:]}")
    return float(done.stdout.split()[-1])


def pipe_tools(directory):
    """(label, function that gives the command)."""
    return [
        ("backdraft capture", lambda: [BACKDRAFT, "capture", "-d", "600",
                                       "-o", f"{directory}/pipe.bdr"]),
        ("perf record -F 99 -a -g", lambda: [first_of("perf"), "record", "-q", "-F", "99", "-a",
                                             "-g", "-o", f"{directory}/perf.data"]),
        ("offcputime (bcc's, CO-RE)", lambda: [first_of("offcputime"), "600"]),
        ("cpudist (bcc's, CO-RE)", lambda: [first_of("cpudist"), "600", "1"]),
        ("offcputime-bpfcc", lambda: [first_of("offcputime-bpfcc"), "600"]),
        ("cpudist-bpfcc", lambda: [first_of("cpudist-bpfcc"), "600", "1"]),
    ]


def bench_pipe(options, directory):
    """Interleaved, so that a change of the machine's speed meets all of them."""
    print(f"perf bench sched pipe on one CPU, {PIPE_LOOPS} loops: times as slow as without")
    tools = dict(pipe_tools(directory))
    ratios, reasons, alone = {name: [] for name in tools}, {}, []
    pipe_seconds()
    for _ in range(options.runs):
        base = [pipe_seconds()]
        slow = {}
        for name, argv in tools.items():
            if name in reasons:
                continue
            try:
                with running(argv()):
                    slow[name] = pipe_seconds()
            except NotAvailable as why:
                reasons[name] = why
        base.append(pipe_seconds())
        alone.append(statistics.mean(base))
        for name, seconds in slow.items():
            ratios[name].append(seconds / alone[-1])
    line("alone, seconds", median(alone))
    for name in tools:
        if name in reasons:
            line(name, f"not available: {reasons[name]}")
        else:
            line(name, f"{median(ratios[name])}x",
                 "at most 1.06x" if name.startswith("backdraft") else "")


def empty_and(argv):
    """ns a run of the empty program, and of the tool's at context switches, in the same run."""
    with subprocess.Popen([EMPTY], stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True) as zero:
        zero.stdout.readline()
        before = programs_of(zero.pid)
        found = measure_programs(argv, pipe_seconds)
        empty = between(before, programs_of(zero.pid))
        zero.stdin.close()
    switch = [ns for kind, ns, runs in found if kind == TRACING and runs > PIPE_LOOPS]
    if not empty:
        raise NotAvailable("the empty program did not run")
    if not switch:
        raise NotAvailable(f"{pathlib.Path(argv[0]).name} ran no program at context switches")
    return empty[0][1], sum(switch)


def bench_switch(options, directory):
    print("ns a run by the kernel's count (BPF_ENABLE_STATS), the empty program's in the same run")
    capture = [BACKDRAFT, "capture", "-d", "600", "-o", f"{directory}/switch.bdr"]
    found = [empty_and(capture) for _ in range(options.runs)]
    line("context switch: an empty program", f"{median([each[0] for each in found], '{:.0f}')} ns")
    line("context switch: backdraft capture", f"{median([each[1] for each in found], '{:.0f}')} ns",
         "at most 90 ns")
    line("  times the empty program", median([ours / empty for empty, ours in found]), "at most 2")
    for name, argv in pipe_tools(directory):
        if "CO-RE" in name:
            with contextlib.suppress(NotAvailable):
                line(f"context switch: {name}", f"{empty_and(argv())[1]:.0f} ns")
