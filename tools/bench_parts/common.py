# SPDX-License-Identifier: BSD-2-Clause
"""What the parts of tools/bench share: running tools and loads, reading reports, printing lines."""

import contextlib
import ctypes
import glob
import gzip
import os
import pathlib
import platform
import shutil
import signal
import statistics
import subprocess
import tempfile
import time

import msgpack

ROOT = pathlib.Path(__file__).resolve().parents[2]
BUILD = ROOT / os.environ.get("O", "build")
BACKDRAFT = BUILD / "backdraft"
PROGS = BUILD / "tests" / "progs"
SHARES = PROGS / "shares"
DEPTH = PROGS / "depth"
MAPMANY = PROGS / "mapmany"
EMPTY = BUILD / "tools" / "bench-empty"
SYNTH = BUILD / "tools" / "synth-report"
UNWIND_TABLE = BUILD / "tools" / "unwind-table"
NEEDED = (BACKDRAFT, SHARES, DEPTH, MAPMANY, EMPTY, SYNTH, UNWIND_TABLE)
BPF_SYSCALL = {"x86_64": 321, "aarch64": 280}
BPF_ENABLE_STATS, BPF_STATS_RUN_TIME = 32, 0
PERF_EVENT, TRACING = 7, 26  # enum bpf_prog_type of linux/bpf.h
SETTLE_S = 1.2  # from a tool's start until it surely measures
CALM_BUSY = 0.1  # of the machine's time


class NotAvailable(Exception):
    """What is to be measured can't be; the message says why."""


# --- a calm machine

def busy_share(seconds):
    """The share of all CPUs' time that was not idle."""
    def read():
        fields = [int(each) for each in open("/proc/stat", encoding="ascii").readline().split()[1:9]]
        return sum(fields), fields[3] + fields[4]
    whole, idle = read()
    time.sleep(seconds)
    whole2, idle2 = read()
    return 1 - (idle2 - idle) / max(1, whole2 - whole)


def wait_calm(seconds):
    """Until others leave the machine alone, or `seconds` are over; the share that they used last."""
    end = time.monotonic() + seconds
    while True:
        share = busy_share(min(2, max(0.5, seconds)))
        if share < CALM_BUSY or time.monotonic() > end:
            return share


# --- running things

def median(values, form="{:.2f}"):
    """`MEDIAN (LEAST to GREATEST)`."""
    low, high = min(values), max(values)
    return f"{form} ({form} to {form})".format(statistics.median(values), low, high)


def line(what, figure, aim=""):
    print(f"  {what:<62} {figure:<26} {aim}".rstrip(), flush=True)


def complaint(path):
    """Of what a tool printed before it gave up, the line that says most."""
    text = pathlib.Path(path).read_text(errors="replace").strip().splitlines()
    causes = [each for each in text if "headers" in each or "error" in each.lower()]
    return (causes or text[-1:] or ["no message"])[0].strip()[:100]


@contextlib.contextmanager
def running(argv, stop=signal.SIGINT):
    """A tool that runs for the time of the block; NotAvailable when it ends before it is told to.
    Afterwards .cpu_s and .seconds say what it used, its children included."""
    with tempfile.NamedTemporaryFile() as log:
        began = time.monotonic()
        child = subprocess.Popen(argv, stdin=subprocess.DEVNULL, stdout=log, stderr=log)
        try:
            time.sleep(SETTLE_S)
            if child.poll() is not None:
                raise NotAvailable(complaint(log.name))
            yield child
        finally:
            if child.returncode is None:
                os.kill(child.pid, stop)
                child.seconds = time.monotonic() - began
                child.cpu_s = reap(child, 30)


def reap(child, patience):
    """Wait for a child, kill it when it does not end; the CPU seconds that it used."""
    end = time.monotonic() + patience
    while True:
        pid, status, usage = os.wait4(child.pid, os.WNOHANG)
        if pid:
            child.returncode = os.waitstatus_to_exitcode(status)
            return usage.ru_utime + usage.ru_stime
        if time.monotonic() > end:
            child.kill()
        time.sleep(0.01)


def timed(argv):
    """Run a command: (seconds, seconds of CPU, the most that was resident, of it and its children)."""
    began = time.monotonic()
    child = subprocess.Popen(argv, stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL)
    _, status, usage = os.wait4(child.pid, 0)
    child.returncode = os.waitstatus_to_exitcode(status)
    if child.returncode:
        raise NotAvailable(f"{pathlib.Path(argv[0]).name}: exit status {child.returncode}")
    return time.monotonic() - began, usage.ru_utime + usage.ru_stime, usage.ru_maxrss


@contextlib.contextmanager
def beside(commands):
    """Loads that run during the block and are killed after it."""
    children = [subprocess.Popen(argv, stdout=subprocess.DEVNULL) for argv in commands]
    try:
        yield children
    finally:
        for child in children:
            child.kill()
            child.wait()


def load(seconds):
    """Four threads that are busy for about that long; as many CPUs as there are."""
    cpus = min(4, os.cpu_count())
    return beside([[SHARES, str(int(1000 * seconds * cpus / 4))]])


def first_of(*names):
    """The first of these programs that is installed."""
    for name in names:
        if path := shutil.which(name) or shutil.which(f"/usr/sbin/{name}"):
            return path
    raise NotAvailable(f"{names[0]} is not installed (tools/deps bench)")


def report_of(path):
    return msgpack.unpackb(gzip.decompress(pathlib.Path(path).read_bytes()), strict_map_key=False)


class Stacks:
    """The stacks of a report's samples, as the names and kinds of frames, leaf first."""

    def __init__(self, report):
        self.strings, self.frames = report["strings"], report["frames"]
        self.stacks, self.samples = report["stacks"], report["samples"]
        self.threads = report["threads"]

    def frames_of(self, stack):
        while stack >= 0:
            frame = self.stacks["frame"][stack]
            yield (self.strings[self.frames["name"][frame]], self.strings[self.frames["kind"][frame]])
            stack = self.stacks["parent"][stack]

    def of(self, process):
        """The stack of each sample of the processes with that name; lost ones are empty."""
        for thread, stack in zip(self.samples["thread"], self.samples["stack"]):
            if self.strings[self.threads["process"][thread]] == process:
                yield list(self.frames_of(stack))


# --- the kernel's own count of what BPF programs cost

@contextlib.contextmanager
def bpf_stats():
    """Count run times of BPF programs for the block. A descriptor, so that a crash leaves nothing."""
    attr = (ctypes.c_uint32 * 32)(BPF_STATS_RUN_TIME)
    libc = ctypes.CDLL(None, use_errno=True)
    fd = libc.syscall(BPF_SYSCALL[platform.machine()], BPF_ENABLE_STATS, ctypes.byref(attr),
                      ctypes.sizeof(attr))
    if fd < 0:
        raise NotAvailable(f"BPF_ENABLE_STATS: {os.strerror(ctypes.get_errno())}")
    try:
        yield
    finally:
        os.close(fd)


def programs_of(pid):
    """The programs that a process holds open: id -> (type, run time in ns, runs)."""
    found = {}
    for path in glob.glob(f"/proc/{pid}/fdinfo/*"):
        with contextlib.suppress(OSError):
            fields = dict(text.split(":", 1) for text in pathlib.Path(path).read_text().splitlines()
                          if ":" in text)
            if "run_cnt" in fields:  # links have a prog_id too
                found[int(fields["prog_id"])] = tuple(
                    int(fields.get(each, 0)) for each in ("prog_type", "run_time_ns", "run_cnt"))
    return found


def wait_programs(pid):
    """Until a tool has all of its programs: it may take seconds beside a load."""
    last, same, end = None, 0, time.monotonic() + 15
    while same < 3 and time.monotonic() < end:
        found = set(programs_of(pid))
        same = same + 1 if found and found == last else 0
        last = found
        time.sleep(0.3)


def between(first, last):
    """[(type, ns a run, runs)] of the programs that ran between two looks at them."""
    return [(kind, (run_ns - first[number][1]) / (runs - first[number][2]), runs - first[number][2])
            for number, (kind, run_ns, runs) in last.items()
            if number in first and runs > first[number][2]]


def measure_programs(argv, work):
    """Run a tool while `work()` runs: what its programs cost meanwhile, as between() says."""
    with bpf_stats(), running(argv) as child:
        wait_programs(child.pid)
        first = programs_of(child.pid)
        work()
        return between(first, programs_of(child.pid))
