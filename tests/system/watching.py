# SPDX-License-Identifier: BSD-2-Clause
"""Start the daemon with short times, ask it, and read its reports: 8 s before, 3 s after."""

import json
import pathlib
import signal
import subprocess
import time

import bd

AFTER = 3
CONFIG = """[agent]
state_dir = {dir}/state
spool_dir = {dir}/spool
socket = {dir}/socket
{times}
{agent}
[machine]
deviation = off
"""
BURNER = """[client "burner"]
match_exe = @progs/shares
threshold = 15% for 2s
deviation = off
[client "quiet"]
match_exe = @progs/idle
threshold = 15% for 2s
deviation = off
"""


class Daemon:
    patience = 20  # seconds

    def __init__(self, build, directory, clients, agent="", args=(), prefix=(), times=True, **more):
        self.tool, self.dir = str(build / "backdraft"), pathlib.Path(directory)
        self.config, self.times = self.dir / "w.conf", times
        self.write(clients, agent)
        # Who asks has a file of its own: the daemon's may be a broken one.
        self.asking = self.dir / "asking.conf"
        self.asking.write_text(self.config.read_text())
        self.args, self.prefix, self.process = list(args), list(prefix), None
        self.more = more  # for subprocess.Popen()

    def write(self, clients, agent=""):
        """`@progs` is where the test programs are: others of these names may run beside."""
        times = f"before = 8s\nafter = {AFTER}s" if self.times else ""
        text = CONFIG.format(dir=self.dir, times=times, agent=agent) + clients
        self.config.write_text(text.replace("@progs", str(bd.PROGS)))

    def start(self, wait=True):
        self.log = open(self.dir / "log", "a")
        starts = self.said().count("watching: process") + 1
        self.process = subprocess.Popen(
            [*self.prefix, self.tool, "watch", "--config", str(self.config), *self.args],
            stderr=self.log, **self.more)
        if wait:
            self.wait_for(lambda: self.said().count("watching: process") == starts)
        return self

    def said(self):
        return (self.dir / "log").read_text()

    def wait_for(self, what, seconds=None):
        seconds = seconds or self.patience
        end = time.monotonic() + seconds
        while time.monotonic() < end:
            value = what()
            if value:
                return value
            assert self.process.poll() is None, self.said()
            time.sleep(0.05)
        raise AssertionError(f"not within {seconds} s; the daemon said:\n{self.said()}")

    def spool(self, pattern="*.bdr"):
        return sorted((self.dir / "spool").glob(pattern))

    def report(self, path):
        out = subprocess.run([self.tool, "export", str(path), "-f", "json", "-o", "-"],
                             check=True, capture_output=True)
        return json.loads(out.stdout)

    def run(self, *args):
        return subprocess.run([self.tool, *args, "--config", str(self.asking)],
                              capture_output=True, text=True)

    def status(self):
        out = self.run("status", "--json")
        assert out.returncode == 0, out.stderr
        return json.loads(out.stdout)

    def stop(self, number=signal.SIGTERM):
        if self.process and self.process.poll() is None:
            self.process.send_signal(number)
            self.process.wait(20)
        return self.process.returncode if self.process else None


def text(report, refs):
    return [report["strings"][i] if isinstance(i, int) else i for i in refs]


def rows(table):
    if isinstance(table, list):
        return table
    return [dict(zip(table, values)) for values in zip(*table.values())]
