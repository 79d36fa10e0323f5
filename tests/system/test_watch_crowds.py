# SPDX-License-Identifier: BSD-2-Clause
"""The daemon where there is much of everything, less than it hopes for, or a clock that is set."""

import contextlib
import json
import os
import pathlib
import re
import signal
import subprocess
import time

import bd
import pytest
from test_clients import CGROUPS, group
from watching import AFTER, rows

QUIET = "deviation = off\n"
CLIENT = '[client "{0}"]\nmatch_comm = {0}\n' + QUIET
PROGRAM = CLIENT.replace("match_comm = ", "match_exe = @progs/")


def client(d, name):
    """Before its first second the daemon knows of none."""
    unknown = {"processes": -1, "threads": -1, "cpus": -1}
    return next((c for c in rows(d.status()["clients"]) if c["name"] == name), unknown)


@contextlib.contextmanager
def crowd(directory, names, **more):
    """Programs that sleep, each under a name of its own."""
    running = []
    try:
        for name in names:
            (directory / name).symlink_to(bd.prog("idle"))
            running.append(subprocess.Popen([directory / name], stdout=subprocess.DEVNULL, **more))
        yield running
    finally:
        for process in running:
            process.kill()
        for process in running:
            process.wait()


def test_many_forks(daemon, program):
    """500 processes a second that live for a millisecond: all of their CPU time is the client's."""
    d = daemon(PROGRAM.format("forker"))
    d.wait_for(lambda: client(d, "forker")["processes"] == 0)
    began = time.monotonic()
    forker = subprocess.Popen([bd.prog("forker"), "2000", "1"], stdout=subprocess.PIPE, text=True)
    d.wait_for(lambda: client(d, "forker")["processes"] > 0)
    said = json.loads(forker.communicate(timeout=60)[0])
    seconds = time.monotonic() - began
    print(f"{len(said['children']) / seconds:.0f} a second")
    after = d.status()["agent"]["uptime_s"] + 2
    d.wait_for(lambda: d.status()["agent"]["uptime_s"] > after)
    assert d.run("trigger", "forker").returncode == 0
    path = d.wait_for(d.spool)[0]
    report = d.report(path)
    used_ns = said["children_ns"] + said["own_ns"]
    times = report["series"]["t_ns"]
    steps = [10**9, *(b - a for a, b in zip(times, times[1:]))]
    series_ns = sum(cpu * step / 1000 for cpu, step in zip(report["series"]["cpu_milli"], steps))
    # What it did in the second in which it began is not its client's yet.
    first_ns = used_ns / seconds
    assert 0.9 * used_ns - 1.2 * first_ns <= series_ns <= 1.1 * used_ns
    if seconds < 7:  # else it began before the report did
        mine = {i for i, name in enumerate(report["strings"]) if name in ("forker", "forked")}
        threads_ns = sum(ns for ns, name in zip(report["threads"]["on_cpu_ns"], report["threads"]["process"])
                         if name in mine)
        assert threads_ns == pytest.approx(used_ns, rel=0.1)
        marked_ns = sum(ns for ns, its in zip(report["threads"]["on_cpu_ns"], report["threads"]["client"])
                        if its)
        assert 0.95 * threads_ns - 1.2 * first_ns <= marked_ns <= 1.01 * threads_ns, "of others, or not all"
    status = d.status()
    assert status["ring"]["bytes"] <= status["ring"]["limit_bytes"]


def test_ten_thousand_threads(daemon, program):
    d = daemon(PROGRAM.format("threads4096"))
    crowded = program("threads4096", 10000, 100, 6000)
    d.wait_for(lambda: client(d, "threads4096")["threads"] >= 10000, 60)
    status = d.status()
    print("with 10,000 threads", status["cost"], status["ring"])
    assert status["ring"]["bytes"] <= status["ring"]["limit_bytes"]
    assert status["cost"]["rss_bytes"] < 120 << 20
    crowded.kill()
    d.wait_for(lambda: client(d, "threads4096")["threads"] == 0)


def own_kb(pid):
    """Resident memory without the BPF maps that it sees, which have a budget of their own."""
    kb, name = 0, ""
    for line in pathlib.Path(f"/proc/{pid}/smaps").read_text().splitlines():
        words = line.split()
        if not words[0].endswith(":"):
            name = " ".join(words[5:])
        elif words[0] == "Rss:" and "bpf-map" not in name:
            kb += int(words[1])
    return kb


def test_two_hundred_clients(daemon, tmp_path):
    names = [f"b{os.getpid()}-{i}" for i in range(200)]
    with crowd(tmp_path, names):
        d = daemon("".join(map(CLIENT.format, names)))
        d.wait_for(lambda: [c["processes"] for c in rows(d.status()["clients"])[1:]] == [1] * 200)
        status = d.status()
        children = pathlib.Path(f"/proc/{d.process.pid}/task/{d.process.pid}/children").read_text()
        resident = [own_kb(pid) for pid in [d.process.pid, *children.split()]]
        print(f"{resident} KB resident, {len(status['normals'])} normals, {len(json.dumps(status)) >> 10} KB of status")
        assert len(status["normals"]) == 201 * 6
        assert sum(resident) < 40 << 10
    d.wait_for(lambda: [c["processes"] for c in rows(d.status()["clients"])[1:]] == [0] * 200)
    began = time.monotonic()
    assert d.stop() == 0
    print(f"{time.monotonic() - began:.1f} s to save all")
    saved = list((d.dir / "state").glob("baseline-*"))
    assert len(saved) == 2 * 201
    print(f"{sum(path.stat().st_size for path in saved) / 2**20:.1f} MB of state")


def test_a_hundred_units(daemon, tmp_path):
    """One section: a client for each unit, named as it is, also for those that come later."""
    parent = next((CGROUPS / name for name in ("systemd", "unified") if (CGROUPS / name).is_dir()), CGROUPS)
    d = daemon('[client "%unit"]\nmatch_unit = bd-u*.service\n' + QUIET)
    with contextlib.ExitStack() as stack:
        places = [stack.enter_context(group(parent / f"bd-u{i}-{os.getpid()}.service")) for i in range(100)]
        running = stack.enter_context(crowd(tmp_path, [f"p{os.getpid()}-{i}" for i in range(100)]))
        for place, process in zip(places, running):
            (place / "cgroup.procs").write_text(str(process.pid))
        wanted = {place.name.removesuffix(".service"): 1 for place in places}

        def units():
            return {c["name"].removesuffix(".service"): c["processes"]
                    for c in rows(d.status()["clients"]) if c["name"].startswith("bd-u")}

        d.wait_for(lambda: units() == wanted)
        assert d.status()["agent"]["left_out"] == 0


def test_a_bare_host(daemon, program):
    """No control groups of either kind, no pressure, no service manager: what is left still works."""
    hide = "mount -t tmpfs none /sys/fs/cgroup; mount -t tmpfs none /proc/pressure || :; exec \"$@\""
    d = daemon(PROGRAM.format("shares") + "threshold = 15% for 2s\nthrottled = 10% for 2s\n"
               "[machine]\ndeviation = off\npressure = 10% for 2s\n",
               prefix=["unshare", "-m", "sh", "-c", hide, "hide"])
    program("shares", 60000)
    report = d.report(d.wait_for(d.spool)[0])
    assert report["trigger"]["client"] == "shares" and report["trigger"]["kind"] == "threshold"
    status = d.status()
    assert all(c["pressure"] is None for c in rows(status["clients"]))
    states = {(r["client"], r["kind"]): r["state"] for r in rows(status["rules"])}
    assert states["machine", "pressure"] == "unknown"
    assert states["shares", "throttled"] in ("unknown", "quiet")


def test_the_clock_is_set(daemon, program, tmp_path):
    """An hour back, an hour on: nobody is alarmed, and a report's times are of one clock."""
    shift = tmp_path / "shift"
    shift.write_text("0")
    worker = program("onset", preexec_fn=lambda: os.nice(-10))
    d = daemon('[client "burner"]\nmatch_exe = @progs/onset\nthreshold = 25% for 2s\n',
               env={**os.environ, "LD_PRELOAD": str(bd.prog("clockshift.so")), "CLOCK_SHIFT": str(shift)})

    def pass_by(seconds):
        until = d.status()["agent"]["uptime_s"] + seconds
        d.wait_for(lambda: d.status()["agent"]["uptime_s"] > until)

    pass_by(3)
    for offset in (-3600, 0, -3600):
        shift.write_text(str(offset))
        pass_by(2)
    assert not d.spool("*.partial") and "burner:" not in d.said().replace("client burner:", "")
    burn_ns = time.time_ns() - 3600 * 10**9
    worker.send_signal(signal.SIGUSR1)
    report = d.report(d.wait_for(d.spool)[0])
    window, times = report["window"], report["series"]["t_ns"]
    assert burn_ns < window["trigger_ns"] < burn_ns + 60e9
    assert times == sorted(times) and len(times) >= 8
    assert window["start_ns"] - 2e9 < times[0] and times[-1] < window["end_ns"] + 2e9
    assert abs(window["end_ns"] - window["trigger_ns"] - AFTER * 1e9) < 2e9
    assert re.search(r" for \d s; ", report["trigger"]["explanation"])
    assert pathlib.Path(d.dir / "state").is_dir()


def test_a_client_that_is_deployed_again_and_again(daemon, program):
    """It is one client with one history, and its restarts are no reason for a report."""
    d = daemon('[client "app"]\nmatch_exe = @progs/onset\nthreshold = 90% for 2s\n')
    for _ in range(3):
        process = program("onset")
        d.wait_for(lambda: client(d, "app")["processes"] == 1)
        d.wait_for(lambda: client(d, "app")["cpus"] > 0.02)
        process.kill()
        process.wait()
        d.wait_for(lambda: client(d, "app")["processes"] == 0)
    assert [c["name"] for c in rows(d.status()["clients"])] == ["machine", "app"]
    assert not d.spool() and not d.spool("*.partial")
