# SPDX-License-Identifier: BSD-2-Clause
"""`backdraft dump` on this kernel: threads in known functions, which go on as if nobody had looked."""

import json
import os
import pathlib
import shutil
import subprocess
import tempfile
import threading
import time

import pytest

import bd
import crashes

CALLS = {"sleep": "clock_nanosleep", "lock": "futex", "read": "read"}


@pytest.fixture
def programs(tmp_path):
    made = crashes.Programs(tmp_path)
    yield made
    made.end()


def tasks(pid):
    return sorted(pathlib.Path(f"/proc/{pid}/task").iterdir(), key=lambda task: int(task.name))


def status(task):
    lines = (task / "status").read_text().splitlines()
    return {name: value.strip() for name, _, value in (line.partition(":") for line in lines)}


def spun_ns(pid):
    """What its spinning threads have run for, together."""
    return sum(int((task / "schedstat").read_text().split()[0]) for task in tasks(pid)
               if (task / "comm").read_text() == "spin\n")


def wait_for(what, seconds=30):
    end = time.monotonic() + seconds
    while not what():
        assert time.monotonic() < end, f"not within {seconds} s"
        time.sleep(0.01)


class States(threading.Thread):
    """Looks at all threads' states until it is told to end."""

    def __init__(self, pid):
        super().__init__()
        self.pid, self.over, self.seen, self.tracers = pid, threading.Event(), set(), set()

    def run(self):
        while not self.over.is_set():
            for task in tasks(self.pid):
                now = status(task)
                self.seen.add(now["State"][0])
                self.tracers.add(now["TracerPid"])

    def __enter__(self):
        self.start()
        return self

    def __exit__(self, *_):
        self.over.set()
        self.join()


def test_each_thread_is_where_it_is_known_to_be_and_goes_on(programs, tmp_path):
    process = programs.start("d-all", "wait", 8)
    pid, out = process.pid, tmp_path / "a.bdr"
    wait_for(lambda: status(pathlib.Path(f"/proc/{pid}"))["State"][0] == "S")
    blocked = [t for t in tasks(pid) if (t / "comm").read_text() != "spin\n"]
    slept = [status(t)["voluntary_ctxt_switches"] for t in blocked]
    before_ns = spun_ns(pid)
    with States(pid) as states:
        done = bd.backdraft("dump", pid, "-o", out)
    during_ns = spun_ns(pid)
    assert done.status == 0 and not done.stderr, done.stderr

    # Nobody was stopped, traced or woken, and who worked went on with it, also afterwards.
    assert states.seen <= set("RSD") and states.tracers == {"0"}
    assert [status(t)["voluntary_ctxt_switches"] for t in blocked] == slept
    assert during_ns > before_ns
    wait_for(lambda: spun_ns(pid) > during_ns)
    assert process.poll() is None

    dump = crashes.Dump(bd.Report(out))
    assert dump.trigger["kind"] == "manual" and dump.trigger["client"] == "d-all"
    assert dump.death["kind"] == "none" and dump.death["pid"] == pid
    assert not dump.raw.get("tid") and not dump.raw.get("signal")
    assert dump.raw["threads_total"] == 9
    assert {t["tid"] for t in dump.threads} == {int(t.name) for t in tasks(pid)}
    assert dump.functions(dump.first, "d-all") == ["die_wait", "main", "_start"]
    assert dump.first["state"] == "blocked in pause" and dump.is_whole(dump.first)
    crashes.check_known_threads(dump, "d-all", 8)
    for thread in dump.threads[1:]:
        if thread["name"] == "spin":
            assert thread["state"] in ("running", "runnable"), thread
        else:
            assert thread["state"] == f"blocked in {CALLS[thread['name']]}", thread

    # What a person sees: threads in the same place stand together.
    assert f"process   d-all ({pid}), 9 threads" in done.stdout
    for name, call in CALLS.items():
        group = done.stdout.partition(f"2         blocked in {call}: {name} (")[2]
        assert f"in_{name}  " in group.partition("clone3")[0], done.stdout
    shown = bd.backdraft("show", out)
    assert shown.status == 0 and "blocked in clock_nanosleep: sleep" in shown.stdout


def test_500_threads(programs):
    pid = programs.start("d-many", "wait", 500, "idle").pid
    began = time.monotonic()
    done = bd.backdraft("dump", pid, "--json")
    took = time.monotonic() - began
    assert done.status == 0, done.stderr
    report = json.loads(done.stdout)
    threads, strings = report["dump"]["threads"], report["strings"]
    assert len(threads["tid"]) == len(set(threads["tid"])) == 501
    assert not report["dump"].get("left_out")
    for name, state, row in zip(threads["name"], threads["state"], threads["stack"]):
        frames = []
        while row >= 0:
            frames.append(strings[report["frames"]["name"][report["stacks"]["frame"][row]]])
            row = report["stacks"]["parent"][row]
        if strings[name] == "d-many":
            assert frames[-2:] == ["__libc_start_main", "_start"] and "die_wait" in frames
            continue
        assert set(crashes.KNOWN[strings[name]]) < set(frames), frames
        assert strings[state] == f"blocked in {CALLS[strings[name]]}"
    assert took < 5, took


def test_the_first_thread_has_exited(programs):
    """/proc has no memory by its number then."""
    pid = programs.start("d-left", "leave", 4).pid
    wait_for(lambda: status(pathlib.Path(f"/proc/{pid}"))["State"][0] == "Z")
    done = bd.backdraft("dump", pid)
    assert done.status == 0, done.stderr
    assert f"d-left ({pid}), 5 threads" in done.stdout and f"exiting: d-left ({pid})" in done.stdout
    for name in crashes.KNOWN:
        group = done.stdout.partition(f": {name} (")[2].partition("clone3")[0]
        functions = [line.split()[0] for line in group.splitlines()[1:] if line.strip()]
        assert [f for f in functions if f in crashes.KNOWN[name]] == crashes.KNOWN[name], done.stdout


def test_a_process_that_ends_meanwhile(programs):
    """Either there was something to show, or one line says that it has ended."""
    for delay in (0.05, 0.2, 0.35):
        process = programs.start("d-ends", "wait", 40, "all")
        killer = threading.Timer(delay, process.kill)
        killer.start()
        done = bd.backdraft("dump", process.pid)
        killer.join()
        if done.status:
            bd.one_error_line(done, str(process.pid), status=(1,))
        else:
            assert f"d-ends ({process.pid})" in done.stdout and not done.stderr


@pytest.mark.parametrize("args, words", [
    ([], ["PID"]),
    (["abc"], ["'abc'"]),
    (["-5"], ["5"]),
    (["0"], ["'0'"]),
    (["1", "2"], ["one process"]),
    (["1", "--nonsense"], ["nonsense"]),
    (["1", "--json", "-o", "-"], ["standard output"]),
])
def test_wrong_use(args, words):
    bd.one_error_line(bd.backdraft("dump", *args), *words, status=(2,))


def test_what_has_no_stack_to_show(programs):
    gone = subprocess.Popen(["true"])
    gone.wait()
    bd.one_error_line(bd.backdraft("dump", gone.pid), f"no process {gone.pid}", status=(1,))

    zombie = subprocess.Popen(["true"])
    os.waitid(os.P_PID, zombie.pid, os.WEXITED | os.WNOWAIT)
    bd.one_error_line(bd.backdraft("dump", zombie.pid), str(zombie.pid), "has ended", status=(1,))
    zombie.wait()

    pid = programs.start("d-one", "wait", 1).pid
    tid = int(tasks(pid)[-1].name)
    bd.one_error_line(bd.backdraft("dump", tid), f"thread of process {pid}", status=(1,))
    bd.one_error_line(bd.backdraft("dump", pid, "-o", "/nowhere/a.bdr"), "/nowhere", status=(1, 2))

    kernel = next((int(p.name) for p in pathlib.Path("/proc").iterdir() if p.name.isdigit() and
                   (p / "comm").exists() and (p / "comm").read_text() == "kthreadd\n"), None)
    if kernel:  # not in a PID namespace
        bd.one_error_line(bd.backdraft("dump", kernel), "kernel thread", status=(1,))


def test_without_root():
    """From a place that others may read."""
    with tempfile.TemporaryDirectory() as directory:
        os.chmod(directory, 0o755)
        shutil.copy(bd.BACKDRAFT, directory)
        done = bd.run([f"{directory}/backdraft", "dump", os.getpid()], user=65534, group=65534,
                      extra_groups=[], cwd="/")
    bd.one_error_line(done, "needs root", status=(1,))


def test_a_process_that_is_there_has_not_ended():
    """Some kernels keep the machine's first process from BPF programs."""
    for verb in (("dump", "1"), ("capture", "-d", "1", "-p", "1", "-o", "/dev/null")):
        done = bd.backdraft(*verb)
        assert "has ended" not in done.stderr
        assert done.status == 0 or "process 1: it is there, but this kernel does not show it" in done.stderr
