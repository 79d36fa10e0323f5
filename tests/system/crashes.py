# SPDX-License-Identifier: BSD-2-Clause
"""A daemon that waits for programs to die, the programs, and the dumps that come of it."""

import collections
import pathlib
import resource
import shutil
import subprocess
import time

import bd

CONFIG = """[agent]
state_dir = {dir}/state
spool_dir = {dir}/spool
socket = {dir}/socket
before = 8s
after = 2s
reports_per_hour = 1000
[machine]
deviation = off
{clients}
"""
CLIENT = """[client "{name}"]
match_comm = {match}
deviation = off
reports_per_hour = 1000
{more}
"""

# What each kind of thread of tests/progs/crash is in, leaf first: the functions of the program.
KNOWN = {name: [f"in_{name}", f"middle_{name}", f"root_{name}"]
         for name in ("sleep", "lock", "read", "spin")}


def without_core():
    resource.setrlimit(resource.RLIMIT_CORE, (0, 0))


def with_core():
    resource.setrlimit(resource.RLIMIT_CORE, (resource.RLIM_INFINITY, resource.RLIM_INFINITY))


class Daemon:
    """`backdraft watch` in a directory of its own, with clients that are told apart by name."""

    def __init__(self, directory, *clients):
        self.dir = pathlib.Path(directory)
        self.config = self.dir / "w.conf"
        self.config.write_text(CONFIG.format(dir=self.dir, clients="".join(clients)))
        self.seen = {}
        self.log = open(self.dir / "log", "w")
        self.process = subprocess.Popen([str(bd.BACKDRAFT), "watch", "--config", str(self.config)],
                                        stderr=self.log)
        self.wait_for(lambda: "watching: process" in self.said())

    def said(self):
        return (self.dir / "log").read_text()

    def wait_for(self, what, seconds=90):
        end = time.monotonic() + seconds
        while time.monotonic() < end:
            value = what()
            if value:
                return value
            assert self.process.poll() is None, self.said()
            time.sleep(0.05)
        raise AssertionError(f"not within {seconds} s; the daemon said:\n{self.said()}")

    def dumps(self):
        """All reports with a dump, each as a Dump, in the order in which they came."""
        for path in sorted((self.dir / "spool").glob("*.bdr"), key=lambda p: p.stat().st_mtime_ns):
            if path not in self.seen:
                report = bd.Report(path)
                self.seen[path] = Dump(report) if "dump" in report.raw else None
        return [dump for dump in self.seen.values() if dump]

    def dump_of(self, pid):
        return self.wait_for(lambda: next((d for d in self.dumps() if d.death["pid"] == pid), None))

    def status(self):
        done = bd.backdraft("status", "--json", "--config", self.config)
        assert done.status == 0, done.stderr
        return bd.json.loads(done.stdout)

    def client(self, name):
        """Its row, all zeroes while the daemon has not met it yet."""
        return next((c for c in self.status()["clients"] if c["name"] == name),
                    collections.defaultdict(int))

    def stop(self):
        if self.process.poll() is None:
            self.process.terminate()
            self.process.wait(30)
        self.log.close()


class Dump:
    """The dump of a report, a thread a row with its frames, leaf first."""

    def __init__(self, report):
        self.report = report
        self.raw = report.raw["dump"]
        self.death = report.raw["death"]
        self.trigger = report.raw["trigger"]
        columns = self.raw["threads"]
        self.threads = [dict(zip(columns, row)) for row in zip(*columns.values())]
        for thread in self.threads:
            thread["name"] = report.strings[thread["name"]]
            thread["state"] = report.strings[thread["state"]]
            thread["frames"] = report.stack(thread["stack"])
        self.first = self.threads[0]

    def functions(self, thread, module):
        """Its functions in one module, leaf first, those that were inlined left out."""
        return [f["name"] for f in thread["frames"]
                if f["kind"] == "native" and f["module"] >= 0 and
                self.report.modules[f["module"]]["path"].rpartition("/")[2] == module]

    def is_whole(self, thread):
        return bool(thread["frames"]) and thread["frames"][-1]["kind"] != "cut"


class Programs:
    """Copies of tests/progs/crash under names of their own, started and left to die."""

    def __init__(self, directory):
        self.dir = pathlib.Path(directory)
        self.running = []

    def path(self, name, program="crash"):
        path = self.dir / name
        if not path.exists():
            shutil.copy(bd.prog(program), path)
        return path

    def start(self, name, *args, core=False, ready=True, **more):
        process = subprocess.Popen([str(self.path(name)), *map(str, args)], cwd=self.dir,
                                   stdin=subprocess.PIPE, stdout=subprocess.PIPE,
                                   stderr=subprocess.DEVNULL,
                                   preexec_fn=with_core if core else without_core, **more)
        self.running.append(process)
        if ready:
            assert process.stdout.readline().startswith(b"ready"), f"{name} {args} did not start"
        return process

    def end(self):
        for process in self.running:
            if process.poll() is None:
                process.kill()
            process.wait()
            process.stdin.close()
            process.stdout.close()


def check_known_threads(dump, program, count):
    """Every thread but the first is whole, and in the functions that its name says."""
    others = dump.threads[1:]
    assert len(others) == count, (len(others), dump.raw["left_out"])
    assert not dump.raw.get("left_out"), dump.raw["left_out"]
    for thread in others:
        assert dump.functions(thread, program) == KNOWN[thread["name"]], thread
        assert dump.is_whole(thread), thread


