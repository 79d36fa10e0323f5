# SPDX-License-Identifier: BSD-2-Clause
"""The daemon on this kernel: reports that begin before their alarm, and what outlives a kill."""

import json
import os
import pathlib
import re
import shutil
import signal
import socket
import statistics
import subprocess
import time

import bd
import pytest
from watching import AFTER, BURNER, Daemon, rows, text

GROUP, STRANGER = 54321, 54322  # nobody has these numbers


def functions(path, process, *options):
    """CPU time of a process in us, by function."""
    times = {}
    for _, _, frames, us in bd.export_folded(path, "--pid", process.pid, *options):
        for name in set(frames):
            times[name] = times.get(name, 0) + us
    return times


ONSET = """[client "burner"]
match_exe = @progs/onset
threshold = 25% for 2s
deviation = off
[client "quiet"]
match_exe = @progs/idle
threshold = 15% for 2s
deviation = off
"""


def test_report_begins_before_the_burn(daemon, program):
    """What the client did before is known to the test: a few per cent of a CPU in light_work."""
    program("idle")
    client = program("onset", preexec_fn=lambda: os.nice(-10))  # on a busy machine it burns as well
    d = daemon(ONSET)
    d.wait_for(lambda: d.status()["ring"]["seconds"] >= 8.5)
    burn_ns = time.time_ns()
    client.send_signal(signal.SIGUSR1)
    partial = d.wait_for(lambda: d.spool("*.partial"))[0]
    first = d.report(partial)
    assert first["incomplete"]
    path = d.wait_for(d.spool)[0]
    report = d.report(path)
    window, trigger = report["window"], report["trigger"]

    assert (trigger["client"], trigger["kind"]) == ("burner", "threshold")
    assert "burner used" in trigger["explanation"]
    # The rule's own 2 s, the second that it began in, and 1 s. Files say when they were whole.
    assert window["trigger_ns"] - burn_ns < 4e9
    assert first["created_ns"] - window["trigger_ns"] < 2e9
    assert path.stat().st_mtime_ns - window["trigger_ns"] < (AFTER + 2) * 1e9
    assert window["start_ns"] < burn_ns - 4e9, "it does not begin before the burn"
    assert not report.get("incomplete")
    assert not list(d.spool("*.partial"))
    assert report["id"] == first["id"]
    assert report["phases"]["rate_hz"] == [19, 199]

    # The first seconds are from before the burn, and the burn's part names the burning function.
    burn_s = (burn_ns - window["start_ns"]) / 1e9
    before = functions(path, client, "--to", f"{burn_s:.3f}")
    burn = functions(path, client, "--from", f"{burn_s:.3f}")
    assert before["light_work"] > 0 and "burn_hot" not in before
    assert burn["burn_hot"] > 1e6 and burn["burn_hot"] > 10 * burn.get("light_work", 0)
    early = functions(path, client, "--to", "4")
    assert early["light_work"] > 0, "nothing from the first seconds"

    # Whose threads are the client's is told.
    threads = report["threads"]
    assert {pid for pid, its in zip(threads["pid"], threads["client"]) if its} == {client.pid}
    assert len(set(threads["pid"])) > 1

    # Weights are the exact time; the parts of the machine make the whole.
    samples = report["samples"]
    exact = sum(threads["on_cpu_ns"]) - sum(threads["not_sampled_ns"])
    assert abs(sum(samples["weight_ns"]) - exact) <= 1000
    machine = report["machine"]
    assert machine["threads_ns"] + machine["idle_ns"] == pytest.approx(
        machine["capacity_ns"], rel=0.05)
    series = report["series"]
    calm = [cpu for t, cpu in zip(series["t_ns"], series["cpu_milli"]) if t < burn_ns]
    # A second in which a shared machine stood still has the work of the one before as well.
    assert len(calm) >= 4 and max(calm) > 10 and statistics.median(calm) < 250
    assert max(series["cpu_milli"]) > 250
    assert report["client"]["build_id"]

    # And so do the seconds of its threads: what it did before, and then a burn in each.
    seconds = rows(report["thread_seconds"])
    assert {threads["pid"][r["thread"]] for r in seconds} == {client.pid}
    assert sum(r["on_cpu_us"] for r in seconds) == pytest.approx(
        sum(ns for ns, p in zip(threads["on_cpu_ns"], threads["pid"]) if p == client.pid) / 1000, rel=0.05)
    calm_us = max(r["on_cpu_us"] for r in seconds if r["t_ns"] < burn_ns)
    assert calm_us < 250_000 and max(r["on_cpu_us"] for r in seconds) > 1.5 * calm_us

    # One report for all of a long burn, none for a client that stays quiet.
    until = d.status()["agent"]["uptime_s"] + 6
    d.wait_for(lambda: d.status()["agent"]["uptime_s"] >= until)
    assert len(d.spool()) == 1
    rules = {r["client"]: r for r in rows(d.status()["rules"])}
    # Cooling, or on a busy machine it does not burn enough any more.
    assert rules["burner"]["state"] in ("cooling", "rising", "quiet")
    assert rules["quiet"]["state"] == "quiet"


def test_burst_knows_who_had_the_cpu(daemon, program):
    d = daemon()
    program("shares", 60000)
    report = d.report(d.wait_for(d.spool)[0])
    assert report["timeline"]["slot"]
    # Slot 0 holds the window's start: the burst's slots lie behind the trigger.
    start = (report["window"]["trigger_ns"] - report["window"]["start_ns"]) / 1e7
    assert min(report["timeline"]["slot"]) >= start - 2
    # Four threads on fewer CPUs wait for each other.
    if (os.cpu_count() or 1) < 4:
        blocked = report["blockers"]
        assert sum(blocked["wait_ns"]) > 1e9


SPLIT = """[client "user"]
match_exe = @progs/shares
deviation = off
[client "kernel"]
match_exe = @progs/kernelburn
deviation = off
"""


def test_user_and_system_time(daemon, program):
    """One that is nearly always in the kernel, one that never is; each exact time is shared out whole."""
    d = daemon(SPLIT)
    for name in ("shares", "kernelburn"):
        program(name, 60000)
    for name in ("user", "kernel"):
        d.wait_for(lambda: any(c["name"] == name and c["cpus"] and c["cpus"] > 0.05
                               for c in rows(d.status()["clients"])), 30)
    until = d.status()["agent"]["uptime_s"] + 4
    d.wait_for(lambda: d.status()["agent"]["uptime_s"] >= until)
    for n, (name, kernel) in enumerate((("user", (0, 0.1)), ("kernel", (0.9, 1)))):
        assert d.run("trigger", name).returncode == 0
        path = d.wait_for(lambda: len(d.spool()) > n and max(d.spool(), key=lambda p: p.stat().st_mtime))
        series = d.report(path)["series"]
        parts = [(cpu, user, system) for cpu, user, system
                 in zip(series["cpu_milli"], series["user_milli"], series["system_milli"]) if user >= 0]
        assert len(parts) >= 3 and all(cpu == user + system for cpu, user, system in parts)
        share = sum(system for _, _, system in parts) / sum(cpu for cpu, _, _ in parts)
        print(f"{name}: {100 * share:.1f} % in the kernel")
        assert kernel[0] <= share <= kernel[1]
        machine = [(cpu, user, system) for cpu, user, system
                   in zip(series["machine_cpu_milli"], series["machine_user_milli"], series["machine_system_milli"])
                   if user >= 0]
        assert len(machine) >= 3 and all(cpu == user + system for cpu, user, system in machine)
        assert min(user for _, user, _ in machine[-3:]) > 100 < min(system for _, _, system in machine[-3:])
        shown = subprocess.run([d.tool, "show", path], check=True, capture_output=True, text=True).stdout
        said = re.search(r"client +[\d.]+ cores before the trigger, (\d+) % of it in the kernel\n"
                         r" +[\d.]+ cores after the trigger, (\d+) % of it in the kernel", shown)
        assert all(kernel[0] <= int(percent) / 100 <= kernel[1] for percent in said.groups())


@pytest.mark.parametrize("realtime", [False, True])
def test_starved_client_is_reported(daemon, program, realtime):
    """Eight spinning threads, or one CPU that a real-time one has; who waits behind them is nice 19."""
    d = daemon("""[client "starved"]
match_exe = @progs/shares
starvation = 30% for 2s
deviation = off
""")
    spinner = ["sh", "-c", "while :; do :; done"]
    spinning = [subprocess.Popen(spinner) for _ in range(8)]
    try:
        if realtime:
            cpu = min(os.sched_getaffinity(0))
            spinning.append(subprocess.Popen(spinner, preexec_fn=lambda: os.sched_setaffinity(0, {cpu})))
            os.sched_setscheduler(spinning[-1].pid, os.SCHED_FIFO, os.sched_param(10))
        began_ns = time.time_ns()
        program("shares", 60000, preexec_fn=lambda: os.nice(19))
        path = d.wait_for(d.spool, 60)[0]
        report = d.report(path)
    finally:
        for p in spinning:
            p.kill()
            p.wait()
    assert report["trigger"]["kind"] == "starvation"
    assert report["trigger"]["value"] > 0.3
    # The program takes its time to start, too: it is what starves. So may the daemon, if the machine
    # has other work besides; then its report says for how long.
    late_ns = 2 * report["cost"]["wait_ns"]
    assert report["window"]["trigger_ns"] - began_ns < (2 + 1 + 3) * 1e9 + late_ns
    assert path.stat().st_mtime_ns - report["window"]["trigger_ns"] < (AFTER + 2) * 1e9 + late_ns
    # How late the daemon itself was is in the report.
    assert "wait_ns" in report["cost"]
    assert report["cost"]["wait_ns"] < 5e9


def test_kill_in_a_burst_leaves_a_report(daemon, program):
    d = daemon()
    time.sleep(2)
    program("shares", 60000)
    d.wait_for(lambda: d.spool("*.partial"))
    d.stop(signal.SIGKILL)
    assert not d.spool()
    (d.dir / "spool" / ".writing-x").write_text("torn")
    d.start()
    paths = d.wait_for(d.spool)
    assert len(paths) == 1 and not d.spool("*.partial") and not d.spool(".writing-*")
    report = d.report(paths[0])
    assert report["incomplete"] and report["trigger"]["client"] == "burner"
    assert "cut short" in d.said()


def test_kills_at_random(daemon, program, kills=6):
    """However it is killed, the next one starts, and every report can be read."""
    d = daemon()
    program("shares", 60 * 60000)
    for i in range(kills):
        time.sleep(0.1 + 0.83 * i % 3.1)
        d.stop(signal.SIGKILL)
        d.start()
    d.wait_for(lambda: d.status()["agent"]["pid"] == d.process.pid)
    assert d.stop() == 0
    for path in d.spool():
        assert d.report(path)["trigger"]["client"] == "burner"
    assert not d.spool("*.partial") and not d.spool(".writing-*")
    assert "damaged" not in d.said()


def test_second_daemon_says_who_holds_the_lock(daemon):
    d = daemon()
    second = d.run("watch")
    assert second.returncode == 1
    assert str(d.process.pid) in second.stderr and "another daemon" in second.stderr
    assert d.status()["agent"]["pid"] == d.process.pid, "the second one broke the first one's socket"


def test_dry_run_reports_nothing(daemon, program):
    d = daemon(args=["--dry-run"])
    program("shares", 60000)
    d.wait_for(lambda: "would report: threshold: burner used" in d.said())
    time.sleep(AFTER + 1)
    assert not d.spool() and not d.spool("*.partial")


def test_reload_takes_a_good_file_only(daemon, program):
    d = daemon()
    d.write('[client "x"]\nthreshold = very much\n')
    d.process.send_signal(signal.SIGHUP)
    d.wait_for(lambda: "refused" in d.said())
    assert "w.conf:" in d.said()
    d.wait_for(lambda: "burner" in {c["name"] for c in rows(d.status()["clients"])})
    d.write('[client "other"]\nmatch_exe = @progs/shares\nthreshold = 15% for 2s\n')
    d.process.send_signal(signal.SIGHUP)
    d.wait_for(lambda: "taken up" in d.said())
    program("shares", 60000)
    report = d.report(d.wait_for(d.spool)[0])
    assert report["trigger"]["client"] == "other"


def test_reload_while_asked(daemon, program):
    """Between a reload and the second after it a client has no rules; a report may end just then."""
    program("idle")
    d = daemon()
    d.wait_for(lambda: len(d.status()["clients"]) >= 2)
    d.write('[client "quiet"]\nmatch_exe = @progs/idle\n')
    assert d.run("trigger", "quiet").returncode == 0
    for i in range(12):
        d.process.send_signal(signal.SIGHUP)
        d.wait_for(lambda: d.said().count("taken up") == i + 1)
        clients = [c["name"] for c in rows(d.status()["clients"])]
        assert clients[0] == "machine"
    d.wait_for(d.spool)
    assert {r["client"] for r in rows(d.status()["rules"])} == {"quiet"}


def test_it_says_what_can_not_work(daemon, program):
    """At the start, and again after a reload: a client that matches nothing, a rule that can't fire."""
    program("idle")
    d = daemon(BURNER)
    d.wait_for(lambda: "client burner: matches no process now" in d.said())
    line = d.said().split(": client burner: matches")[0].rsplit(":", 1)[1]
    assert d.config.read_text().splitlines()[int(line) - 1] == '[client "burner"]'
    assert "client quiet" not in d.said()
    d.write('[client "quiet"]\nmatch_exe = @progs/idle\nthreshold = 99900% for 2s\n')
    d.process.send_signal(signal.SIGHUP)
    d.wait_for(lambda: "client quiet: threshold can't be reached" in d.said())
    assert d.said().count("matches no process now") == 1


CAPABILITIES = {"CHOWN": 0, "DAC_READ_SEARCH": 2, "KILL": 5, "SETGID": 6, "SETUID": 7, "SETPCAP": 8,
                "IPC_LOCK": 14, "SYS_PTRACE": 19, "SYS_NICE": 23, "SYSLOG": 34, "PERFMON": 38, "BPF": 39,
                "CHECKPOINT_RESTORE": 40}


def proc_status(path):
    lines = (line.split(":", 1) for line in path.read_text().splitlines())
    return {name: value.strip() for name, value in lines}


def test_what_keeps_it_alive(daemon):
    """Capabilities are each thread's own, and so is nice; locked memory is resident on demand only."""
    d = daemon()
    kept = sum(1 << bit for bit in CAPABILITIES.values())
    tasks = list(pathlib.Path(f"/proc/{d.process.pid}/task").iterdir())
    assert len(tasks) == 2
    for task in tasks:
        said = proc_status(task / "status")
        for which in ("CapPrm", "CapEff", "CapBnd"):
            assert int(said[which], 16) & ~kept == 0, f"{which} of {task}"
        nice = int((task / "stat").read_text().rsplit(")", 1)[1].split()[16])
        assert nice <= -10
    own = proc_status(pathlib.Path(f"/proc/{d.process.pid}/status"))
    locked, resident = (int(own[name].split()[0]) for name in ("VmLck", "VmRSS"))
    assert locked > resident / 2 and resident < 64 << 10
    score = int(pathlib.Path(f"/proc/{d.process.pid}/oom_score_adj").read_text())
    assert score == -900 or "OOM score can't be lowered" in d.said()
    # Who opens what users can write has less still, and is the first to give way.
    for child in pathlib.Path(f"/proc/{d.process.pid}/task/{d.process.pid}/children").read_text().split():
        said = proc_status(pathlib.Path(f"/proc/{child}/status"))
        assert int(said["CapEff"], 16) & ~(1 << 2 | 1 << 19 | 1 << 40) == 0 and said["Seccomp"] == "2"


@pytest.mark.parametrize("leads", (True, False))
def test_its_session_goes_first_if_it_is_its_own(daemon, leads):
    """Where CPUs are shared among sessions first, a nice value counts only within one (sched(7))."""
    group = pathlib.Path("/proc/self/autogroup")
    if not group.exists():
        pytest.skip("optional: this kernel has no autogroups")
    before = group.read_text()
    d = daemon(start_new_session=leads)
    said = pathlib.Path(f"/proc/{d.process.pid}/autogroup").read_text()
    assert said.split()[-1] == "-10" if leads else said == before


def test_it_tells_the_service_manager(build_dir, tmp_path, monkeypatch):
    """sd_notify's protocol: READY when it watches, WATCHDOG while it does, STOPPING at the end."""
    with socket.socket(socket.AF_UNIX, socket.SOCK_DGRAM) as manager:
        manager.bind(str(tmp_path / "notify"))
        manager.settimeout(30)
        monkeypatch.setenv("NOTIFY_SOCKET", str(tmp_path / "notify"))
        monkeypatch.setenv("WATCHDOG_USEC", "4000000")
        d = Daemon(build_dir, tmp_path, BURNER)
        d.start()
        try:
            assert manager.recv(100) == b"READY=1"
            assert [manager.recv(100) for _ in range(3)] == [b"WATCHDOG=1"] * 3
            assert d.status()["agent"]["uptime_s"] < 30
        finally:
            d.stop()
        assert manager.recv(100) == b"STOPPING=1"


def test_manual_triggers(daemon):
    d = daemon()
    time.sleep(2)
    asked = d.run("trigger", "nobody")
    assert asked.returncode and "no client 'nobody'" in asked.stderr
    assert d.run("trigger").returncode == 0
    d.process.send_signal(signal.SIGUSR1)
    report = d.report(d.wait_for(d.spool)[0])
    assert report["trigger"]["kind"] == "manual" and report["trigger"]["client"] == "machine"
    # The second one joined.
    assert text(report, report["triggers"]["kind"]) == ["manual"]
    assert len(d.spool()) == 1


def test_programs_that_come_after_a_report(daemon, tmp_path):
    """The time that a report has for names ends with it: what is new afterwards is walked and named."""
    d = daemon()

    def report_of_now():
        before = set(d.spool())
        assert d.run("trigger").returncode == 0
        return d.wait_for(lambda: set(d.spool()) - before, 30).pop()

    report_of_now()
    time.sleep(4.5)  # longer than names may take
    late = tmp_path / "late-shares"
    shutil.copy(bd.prog("shares"), late)
    client = subprocess.Popen([late, "2500"], stdout=subprocess.DEVNULL)
    try:
        times = functions(report_of_now(), client)
    finally:
        client.kill()
        client.wait()
    assert times.get("burn_half", 0) > 100_000, times
    assert times["worker_main"] > 0.95 * sum(times[f"burn_{part}"] for part in ("half", "third", "fifth"))


def test_state_outlives_the_daemon(daemon):
    d = daemon()
    time.sleep(3)
    assert d.stop() == 0
    saved = d.dir / "state" / "baseline-machine.cpu"
    assert saved.stat().st_size > 1000
    damaged = bytearray(saved.read_bytes())
    damaged[100] ^= 0xFF
    saved.write_bytes(damaged)
    d.start()
    assert "damaged" in d.said()
    assert saved.with_name(saved.name + ".damaged").read_bytes() == bytes(damaged)
    assert d.stop() == 0
    assert saved.exists()
    assert not (d.dir / "socket").exists()

def test_who_may_ask(build_dir, public_dir):
    """Root, and whom the group of the socket has. The group is made up: an /etc/group of the daemon's own."""
    groups, tool = public_dir / "group", public_dir / "backdraft"
    groups.write_text(f"root:x:0:\nbackdraft:x:{GROUP}:\n")
    shutil.copy(build_dir / "backdraft", tool)
    tool.chmod(0o755)
    hide = f"mount --bind {groups} /etc/group; exec \"$@\""
    d = Daemon(build_dir, public_dir, BURNER, prefix=["unshare", "-m", "sh", "-c", hide, "hide"])

    def ask(*who):
        command = ["setpriv", f"--reuid={STRANGER}", *who, tool, "status", "--json", "--config", d.asking]
        return subprocess.run(command, capture_output=True, text=True, cwd="/")

    d.start()
    try:
        socket_file = public_dir / "socket"
        assert (socket_file.stat().st_gid, socket_file.stat().st_mode & 0o777) == (GROUP, 0o660)
        for who in ([f"--regid={GROUP}", "--clear-groups"], [f"--regid={STRANGER}", f"--groups={GROUP}"]):
            answer = ask(*who)
            assert answer.returncode == 0, answer.stderr
            assert json.loads(answer.stdout)["agent"]["pid"] == d.process.pid
        refused = ask(f"--regid={STRANGER}", "--clear-groups")
        assert refused.returncode == 1 and not refused.stdout
        assert refused.stderr == (f"backdraft: {socket_file}: Permission denied; root and the group of the socket "
                                  "may ask\n")
        assert d.run("status").returncode == 0  # root
    finally:
        d.stop()

def test_ring_of_a_quiet_client_reaches_further(daemon, program):
    """Four times `before` where little is to be seen; on a machine that is busy, as far as that many samples."""
    before_s, rate_hz = 4, 19
    client = program("onset")  # a few per cent of a CPU
    d = daemon('[client "quiet"]\nmatch_exe = @progs/onset\ndeviation = off\n', times=False,
               agent=f"before = {before_s}s\nafter = 1s\nrate_hz = {rate_hz}")
    d.wait_for(lambda: d.status()["agent"]["uptime_s"] > 4 * before_s + 4, 60)
    assert d.run("trigger", "quiet").returncode == 0
    path = d.wait_for(d.spool)[0]
    report = d.report(path)
    window, samples = report["window"], report["samples"]
    back_s = (window["trigger_ns"] - window["start_ns"]) / 1e9
    enough = sum(t < back_s * 1e9 for t in samples["t_ns"]) >= 0.8 * before_s * rate_hz
    print(f"{back_s:.1f} s back with {len(samples['t_ns'])} samples")
    assert back_s >= before_s
    assert enough or back_s > 3 * before_s
    assert back_s < 6 * before_s, "further than the ring may reach"
    # What the client did so long ago is in it.
    if back_s > 3 * before_s:
        assert functions(path, client, "--to", f"{back_s - before_s:.3f}")["light_work"] > 0
