# SPDX-License-Identifier: BSD-2-Clause
"""A daemon that waits for programs to die, the programs, and the dumps that come of it."""

import collections
import pathlib
import resource
import shutil
import signal
import subprocess

import bd
import watching

MOST_BYTES = 100 << 20  # of the daemon, resident

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


class Daemon(watching.Daemon):
    """`backdraft watch` in a directory of its own, with clients that are told apart by name."""
    patience = 90

    def __init__(self, directory, *clients):
        super().__init__(bd.BUILD, directory, "".join(clients), "reports_per_hour = 1000")
        self.seen = {}
        self.start()

    def dumps(self):
        """All reports with a dump, each as a Dump, in the order in which they came."""
        for path in sorted((self.dir / "spool").glob("*.bdr"), key=lambda p: p.stat().st_mtime_ns):
            if path not in self.seen:
                report = bd.Report(path)
                self.seen[path] = Dump(report) if "dump" in report.raw else None
        return [dump for dump in self.seen.values() if dump]

    def dump_of(self, pid):
        return self.wait_for(lambda: next((d for d in self.dumps() if d.death["pid"] == pid), None))

    def check_memory(self):
        """What it takes is bounded, whatever dies, and however many."""
        text = pathlib.Path(f"/proc/{self.process.pid}/status").read_text()
        (peak,) = [line.split()[1] for line in text.splitlines() if line.startswith("VmHWM:")]
        assert int(peak) << 10 < MOST_BYTES, f"{peak} kB"

    def client(self, name):
        """Its row, all zeroes while the daemon has not met it yet."""
        return next((c for c in self.status()["clients"] if c["name"] == name),
                    collections.defaultdict(int))


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

    def start(self, name, *args, program="crash", core=False, ready=True, **more):
        process = subprocess.Popen([str(self.path(name, program)), *map(str, args)], cwd=self.dir,
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


# Real programs that say "ready": their words, and how many threads they have at least.
ABORTED = {
    "python3": (["/usr/bin/python3", "-c", "import threading, time\n"
                 "for i in range(3): threading.Thread(target=time.sleep, args=(99,)).start()\n"
                 "print('ready', flush=True); time.sleep(99)"], 4),
    "node": (["node", "-e", "require('fs').readFile('/dev/null', () => console.log('ready'));"
              "setTimeout(() => 0, 99000)"], 5),
    "java": (["java", "-Xshare:auto", "{dir}/Ready.java"], 10),
}
READY_JAVA = """public class Ready {
    public static void main(String[] a) throws Exception {
        System.out.println("ready");
        Thread.sleep(99000);
    }
}
"""


def abort_real(daemon, programs, directory, name, core=False):
    """Starts one, aborts it and compares its threads with what /proc had. It is stopped for that: a
    JVM makes and ends threads of its compiler as it likes."""
    words, least = ABORTED[name]
    (directory / "Ready.java").write_text(READY_JAVA)
    process = subprocess.Popen([word.format(dir=directory) for word in words], cwd=directory,
                               stdin=subprocess.PIPE, stdout=subprocess.PIPE,
                               stderr=subprocess.DEVNULL,
                               preexec_fn=with_core if core else without_core)
    programs.running.append(process)
    assert process.stdout.readline().startswith(b"ready")
    daemon.wait_for(lambda: daemon.client("real")["crash_ready"])
    process.send_signal(signal.SIGSTOP)
    tasks = pathlib.Path(f"/proc/{process.pid}/task")
    daemon.wait_for(lambda: all("State:\tT" in (task / "status").read_text()
                                for task in tasks.iterdir()), 20)
    names = {int(task.name): (task / "comm").read_text().rstrip("\n") for task in tasks.iterdir()}
    process.send_signal(signal.SIGABRT)
    process.send_signal(signal.SIGCONT)
    assert process.wait(60) == -signal.SIGABRT
    dump = daemon.dump_of(process.pid)
    assert {thread["tid"]: thread["name"] for thread in dump.threads} == names
    assert len(names) >= least and dump.raw["signal_name"] == "SIGABRT"
    assert not dump.raw.get("left_out"), dump.raw["left_out"]
    for thread in dump.threads:
        assert thread["frames"], thread
    return dump
