# SPDX-License-Identifier: BSD-2-Clause
"""Run the tool and read its reports independently of it.

A report is read here with Python's gzip and msgpack alone, by the names in user/lib/profile/wire.def, so
that an error in the tool's own encoder and decoder, or in its exports, can't hide itself.
"""

import collections
import contextlib
import gzip
import json
import os
import pathlib
import re
import resource
import signal
import subprocess
import threading
import time

import msgpack

ROOT = pathlib.Path(__file__).resolve().parents[2]
BUILD = ROOT / os.environ.get("O", "build")
BACKDRAFT = BUILD / "backdraft"
PROGS = BUILD / "tests" / "progs"
CPUS = os.sysconf("SC_NPROCESSORS_ONLN")
CUT = "cut"

Done = collections.namedtuple("Done", "status stdout stderr seconds rss_bytes cpu_s")


def finish(process, started, timeout, stdin=None):
    """Wait for `process` and collect what it wrote and what it used. Kills it at the time limit."""
    output = {}

    def drain(name, stream):
        output[name] = stream.read()

    readers = [threading.Thread(target=drain, args=(name, getattr(process, name)))
               for name in ("stdout", "stderr") if getattr(process, name)]
    for reader in readers:
        reader.start()
    feeder = threading.Thread(target=stdin, args=(process.stdin,)) if stdin else None
    if feeder:
        feeder.start()
    timed_out = threading.Event()

    def stop():
        timed_out.set()
        process.kill()

    timer = threading.Timer(timeout, stop)
    timer.start()
    _, status, usage = os.wait4(process.pid, 0)
    timer.cancel()
    process.returncode = os.waitstatus_to_exitcode(status)
    for thread in readers + ([feeder] if feeder else []):
        thread.join()
    assert not timed_out.is_set(), f"{process.args} did not end within {timeout} s"
    text = {name: data.decode("utf-8", "replace") for name, data in output.items()}
    return Done(process.returncode, text.get("stdout", ""), text.get("stderr", ""),
                time.monotonic() - started, usage.ru_maxrss * 1024,
                usage.ru_utime + usage.ru_stime)


def run(command, timeout=60, stdin=None, **options):
    """Run a command to its end. `stdin` is a function that feeds a pipe."""
    started = time.monotonic()
    process = subprocess.Popen([str(word) for word in command], stdout=subprocess.PIPE,
                               stderr=subprocess.PIPE,
                               stdin=subprocess.PIPE if stdin else subprocess.DEVNULL, **options)
    return finish(process, started, timeout, stdin)


def backdraft(*arguments, **options):
    return run([BACKDRAFT, *arguments], **options)


def start(*command, **options):
    """Start something that goes on beside; end it with stop()."""
    process = subprocess.Popen([str(word) for word in command], stdout=subprocess.PIPE,
                               stderr=subprocess.PIPE, stdin=subprocess.DEVNULL, **options)
    process.started = time.monotonic()
    return process


@contextlib.contextmanager
def beside(*command, **options):
    """A process that runs during the block and is killed after it."""
    process = start(*command, **options)
    try:
        yield process
    finally:
        if process.returncode is None and process.poll() is None:
            process.kill()
        process.communicate()


def prog(name):
    path = PROGS / name
    assert path.exists(), f"{path} is missing: run `make progs` first"
    return path


def capture(out, *options, command=(), timeout=90, ok=True, **more):
    """`backdraft capture` into the file `out`. What a command of ours printed is in .output."""
    words = ["capture", "-o", out, *options, *(["--", *command] if command else [])]
    done = backdraft(*words, timeout=timeout, **more)
    if not ok:
        return done
    assert done.status == 0, f"capture failed ({done.status}): {done.stderr}"
    report = Report(out)
    report.done = done
    if command and "{" in done.stdout:
        report.output, _ = json.JSONDecoder().raw_decode(done.stdout, done.stdout.index("{"))
    return report


class Report:
    """A .bdr file: .raw is the map as it is, and tables are lists of rows."""

    def __init__(self, path):
        self.path = pathlib.Path(path)
        with gzip.open(self.path) as stream:
            self.raw = msgpack.unpackb(stream.read(), raw=False, strict_map_key=False)
        self.strings = self.raw.get("strings", [""])
        self.window = self.raw["window"]
        self.loss = self.raw["loss"]
        self.start_ns, self.end_ns = self.window["start_ns"], self.window["end_ns"]
        self.seconds = (self.end_ns - self.start_ns) / 1e9
        self.threads = self.table("threads", "process", "name", "container")
        self.modules = self.table("modules", "path", "build_id")
        self.frames = self.table("frames", "name", "kind", "file", "symbol")
        self.stacks = self.table("stacks")
        self.samples = self.table("samples")
        self.timeline = self.table("timeline")
        self.done = self.output = None

    def table(self, name, *refs):
        columns = self.raw.get(name, {})
        lengths = {len(column) for column in columns.values()}
        assert len(lengths) <= 1, f"{name}: columns of different length"
        rows = [dict(zip(columns, row)) for row in zip(*columns.values())]
        for row in rows:
            for ref in refs:
                if ref in row:
                    row[ref] = self.strings[row[ref]]
        return rows

    def stack(self, index):
        """The frames of a stack, leaf first."""
        frames = []
        while index >= 0:
            row = self.stacks[index]
            frames.append(self.frames[row["frame"]])
            index = row["parent"]
        return frames

    def threads_of(self, pid):
        return [thread for thread in self.threads if thread["pid"] == pid]

    def thread(self, pid, tid):
        found = [thread for thread in self.threads_of(pid) if thread["tid"] == tid]
        assert len(found) == 1, f"{len(found)} rows of thread {tid} of {pid}"
        return found[0]

    def samples_of(self, *pids):
        return [sample for sample in self.samples
                if self.threads[sample["thread"]]["pid"] in pids]

    def folded(self, *options):
        return export_folded(self.path, *options)


def export_folded(path, *options):
    done = backdraft("export", path, "-f", "folded", *options)
    assert done.status == 0, f"export failed: {done.stderr}"
    return folded_lines(done.stdout)


def folded_lines(text):
    """[(process, thread, [frames from the root], value)]"""
    lines = []
    for line in text.splitlines():
        path, _, value = line.rpartition(" ")
        parts = path.split(";")
        assert len(parts) >= 2 and re.fullmatch(r"\d+", value), f"not a folded line: {line!r}"
        lines.append((parts[0], parts[1], parts[2:], int(value)))
    return lines


def within(value, expected, share, least=0):
    """Whether value is within a share of expected, or `least`, whichever is more."""
    return abs(value - expected) <= max(share * expected, least)


def one_error_line(done, *words, status=(1, 2)):
    """The contract of an error: status 1 or 2 and one clear line that names the thing."""
    lines = [line for line in done.stderr.splitlines() if line.strip()]
    assert done.status in status, f"status {done.status}: {done.stderr}"
    assert len(lines) == 1, f"{len(lines)} lines: {done.stderr}"
    for word in words:
        assert re.search(word, lines[0], re.IGNORECASE), f"no {word!r} in: {lines[0]}"
    return lines[0]


def interrupt(process, timeout=20):
    process.send_signal(signal.SIGINT)
    return finish(process, process.started, timeout)


def bound_memory():
    """For preexec_fn: a bug must end the test, not the machine."""
    resource.setrlimit(resource.RLIMIT_AS, (8 << 30, 8 << 30))
