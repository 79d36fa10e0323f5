# SPDX-License-Identifier: BSD-2-Clause
"""A capture of the whole machine at 99 Hz against `perf record --call-graph dwarf`, in one run."""

import os
import pathlib
import re
import shutil
import statistics
import subprocess
import time

from bench_parts.common import (BACKDRAFT, DEPTH, NotAvailable, Stacks, first_of, line, median,
                                report_of, running)

FRAMES = 30
ROUNDS = 130_000  # some 4 s
INPUT_BYTES = 16 << 20
ROOTS = ("_start", "__libc_start_main", "__libc_start_call_main", "clone", "__clone", "start_thread")


def is_whole(names):
    """Whether a stack, leaf first, ends where programs and threads begin. In stripped files and in
    Debian's libc the outermost function has no name: then the one before it must be a known one."""
    nameless = "+0x" in names[-1] or names[-1] == "[unknown]"
    last = names[-2] if nameless and len(names) > 1 else names[-1]
    return last.startswith(ROOTS)


# --- what is run

def target_depth(directory):
    """On each CPU the same work at the bottom of 30 frames; no memory, no system calls."""
    return DEPTH.name, [["taskset", "-c", str(cpu), DEPTH, str(FRAMES), str(ROUNDS)]
                        for cpu in range(os.cpu_count())]


def target_xz(directory):
    """A program of the distribution, with much memory, once a CPU. Of threads perf walked none."""
    path = pathlib.Path(directory) / "input"
    if not path.exists():
        with open(BACKDRAFT, "rb") as file:
            text = file.read()
        path.write_bytes((text * (INPUT_BYTES // len(text) + 1))[:INPUT_BYTES])
    return "xz", [[first_of("xz"), "-T1", "-3", "-c", path]] * os.cpu_count()


def run_target(commands):
    """(wall seconds, seconds of CPU) until the last of them has ended."""
    began = time.monotonic()
    children = [subprocess.Popen(argv, stdout=subprocess.DEVNULL) for argv in commands]
    cpu_s = 0
    for child in children:
        _, status, usage = os.wait4(child.pid, 0)
        child.returncode = os.waitstatus_to_exitcode(status)
        cpu_s += usage.ru_utime + usage.ru_stime
    if any(child.returncode for child in children):
        raise NotAvailable(f"{commands[0][-1]}: it failed")
    return time.monotonic() - began, cpu_s


# --- the two profilers

def ours_argv(path):
    return [BACKDRAFT, "capture", "-F", "99", "-d", "600", "-o", path]


def ours_stacks(path, process):
    for frames in Stacks(report_of(path)).of(process):
        yield ["[cut]" if kind == "cut" else name for name, kind in frames if kind != "kernel"]


def perf_argv(path):
    return [first_of("perf"), "record", "-q", "-F", "99", "-a", "--call-graph", "dwarf", "-o", path]


def perf_stacks(path, process):
    done = subprocess.run([first_of("perf"), "script", "-i", path, "--no-inline", "--comms", process,
                           "-F", "comm,ip,sym"], capture_output=True, text=True, timeout=300)
    if done.returncode:
        raise NotAvailable(f"perf script: {done.stderr.strip()[-80:]}")
    for sample in done.stdout.split("\n\n"):
        frames = re.findall(r"^\s+([0-9a-f]+) (.*)$", sample, re.M)
        if sample.strip():
            yield [name for ip, name in frames if int(ip, 16) < 1 << 63]


PROFILERS = {"backdraft capture": (ours_argv, ours_stacks),
             "perf record --call-graph dwarf": (perf_argv, perf_stacks)}


def profiled(argv, stacks, commands, process, path):
    """One run under a profiler, as a row of figures."""
    with running(argv(path)) as tool:
        wall, cpu = run_target(commands)
    began = time.monotonic()
    found = list(stacks(path, process))
    with_user = [names for names in found if names]
    whole = sum("[cut]" not in names and is_whole(names) for names in with_user)
    return {"wall": wall, "cpu": cpu, "bytes": os.path.getsize(path) / tool.seconds / 1024,
            "tool": 100 * tool.cpu_s / tool.seconds, "stacks": len(found), "whole": whole,
            "names_s": time.monotonic() - began}


def print_profiler(name, rows, alone):
    samples = sum(row["stacks"] for row in rows)
    whole = sum(row["whole"] for row in rows)

    def figure(what, values, form="{:.2f}"):
        line(f"{name}: {what}", median(values, form))
    figure("times as long", [row["wall"] / base[0] for row, base in zip(rows, alone)], "{:.3f}")
    figure("times the CPU time", [row["cpu"] / base[1] for row, base in zip(rows, alone)], "{:.3f}")
    figure("CPU of the tool, % of one", [row["tool"] for row in rows])
    figure("KB written a second", [row["bytes"] for row in rows], "{:.0f}")
    line(f"{name}: whole stacks", f"{100 * whole / max(1, samples):.2f} % of {samples}")


def measure_target(process, commands, runs, directory):
    """Interleaved, with a run alone before and after, so that the machine's own changes meet all."""
    rows, reasons, alone = {name: [] for name in PROFILERS}, {}, []
    for _ in range(runs):
        base = [run_target(commands)]
        for name, (argv, stacks) in PROFILERS.items():
            if name in reasons:
                continue
            try:
                rows[name].append(profiled(argv, stacks, commands, process,
                                           f"{directory}/profile"))
            except NotAvailable as why:
                reasons[name] = why
        base.append(run_target(commands))
        alone.append([statistics.mean(column) for column in zip(*base)])
    line("alone, seconds", median([each[0] for each in alone]))
    for name in PROFILERS:
        if name in reasons:
            line(name, f"not available: {reasons[name]}")
        else:
            print_profiler(name, rows[name], alone)


def bench_perf(options, directory):
    for target in (target_depth, target_xz):
        if target is target_xz and not shutil.which("xz"):
            line("xz", "not available: it is not installed")
            continue
        process, commands = target(directory)
        print(f"the whole machine at 99 Hz while {len(commands)} x {process} runs, against alone")
        measure_target(process, commands, options.runs, directory)
