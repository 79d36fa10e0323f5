# SPDX-License-Identifier: BSD-2-Clause
"""Unusual places and moments: processes that end, idle machines, PID namespaces, two at once."""

import json
import os
import shutil
import signal
import stat
import time

import pytest

import bd


def test_process_that_exits_in_the_middle(tmp_path):
    """exit_group() kills threads while they run; the window is open before and after."""
    recorder = bd.start(bd.BACKDRAFT, "capture", "-d", "5", "-o", tmp_path / "a.bdr")
    time.sleep(2)
    started_ns = time.time_ns()
    exiter = bd.start(bd.prog("exiter"), "1000")
    done = bd.finish(exiter, exiter.started, 30)
    ended_ns = time.time_ns()
    assert done.status == 7
    recorded = bd.finish(recorder, recorder.started, 30)
    assert recorded.status == 0, recorded.stderr
    report = bd.Report(tmp_path / "a.bdr")
    assert report.start_ns < started_ns and ended_ns < report.end_ns, (
        "two seconds were not enough to begin, or the process outlived the window")
    rows = report.threads_of(exiter.pid)
    assert sorted(row["name"] for row in rows) == ["doomed-a", "doomed-b", "exiter"]
    assert all(row["exited"] == 1 for row in rows)
    # 5 ms: fork before exec, which the parent's interpreter makes long, and the end.
    assert bd.within(sum(row["on_cpu_ns"] for row in rows), done.cpu_s * 1e9, 0.01, 5e6)
    assert any("spin_until_killed" in line[2] for line in report.folded("--pid", str(exiter.pid)))


def test_idle_process(tmp_path):
    with bd.beside(bd.prog("idle")) as idle:
        time.sleep(0.2)
        report = bd.capture(tmp_path / "a.bdr", "-d", "2", "-p", idle.pid)
    loss = report.loss
    assert loss["recorded"] + loss.get("lost", 0) == loss["fired"] > 0
    assert not report.samples
    assert all(thread["pid"] == idle.pid for thread in report.threads)
    assert sum(thread["on_cpu_ns"] for thread in report.threads) == 0
    assert report.folded() == []
    for form in ("html", "svg", "json"):
        assert bd.backdraft("export", report.path, "-f", form, "-o", tmp_path / form).status == 0
    assert bd.backdraft("show", report.path).status == 0


def test_idle_machine(tmp_path):
    """Nothing is started: most of the samples are idle, and what is not adds up all the same."""
    report = bd.capture(tmp_path / "a.bdr", "-d", "2")
    loss, machine = report.loss, report.raw["machine"]
    assert loss["recorded"] + loss.get("lost", 0) == loss["fired"]
    # Some machines deliver no timer interrupt to an idle CPU: those samples are lost, not busy.
    idle_share = machine.get("idle_ns", 0) / machine["capacity_ns"]
    least = loss.get("idle", 0) / loss["fired"]
    most = (loss.get("idle", 0) + loss.get("lost", 0)) / loss["fired"]
    assert least - 0.1 < idle_share < most + 0.1, (least, idle_share, most)


def test_inside_a_pid_namespace(tmp_path):
    """The PIDs of a report are those of the tool's own /proc; what it can't see is counted."""
    unshare = shutil.which("unshare")
    out = tmp_path / "a.bdr"
    script = f"""
        {bd.prog('kernelburn')} 60000 & inner=$!
        {bd.prog('renamer')} 100
        echo $inner
        {bd.BACKDRAFT} capture -d 2 -F 499 -o {out} >&2
        kill $inner
    """
    with bd.beside(bd.prog("shares"), "60000") as outside:
        done = bd.run([unshare, "--pid", "--fork", "--mount-proc", "/bin/sh", "-c", script])
    assert done.status == 0, done.stderr
    inner = int(done.stdout.split()[-1])
    assert inner < 1000, "not a new PID namespace"
    report = bd.Report(out)
    row = report.thread(inner, inner)
    assert row["name"] == "kernelburn" and row["on_cpu_ns"] > 0.2e9
    assert any("burn_in_kernel" in line[2] for line in report.folded("--pid", str(inner)))
    assert not report.threads_of(outside.pid)
    assert not [thread for thread in report.threads if thread["process"] == "shares"]
    hidden = sum(count for name, count in report.loss["reasons"].items() if "namespace" in name)
    assert hidden > 0.5 * 499, report.loss


def test_named_process_inside_a_pid_namespace(tmp_path):
    out = tmp_path / "a.bdr"
    script = f"""
        {bd.prog('kernelburn')} 60000 & inner=$!
        {bd.BACKDRAFT} capture -d 1 -F 499 -p $inner -o {out} >&2 || exit 1
        echo $inner
        kill $inner
    """
    done = bd.run(["unshare", "--pid", "--fork", "--mount-proc", "/bin/sh", "-c", script])
    assert done.status == 0, done.stderr
    report = bd.Report(out)
    assert {thread["pid"] for thread in report.threads} == {int(done.stdout)}
    assert report.samples


def test_two_captures_at_once(tmp_path):
    recorders = [bd.start(bd.BACKDRAFT, "capture", "-d", "4", "-F", rate, "-o", tmp_path / rate)
                 for rate in ("99", "499")]
    time.sleep(2)
    renamer = bd.start(bd.prog("renamer"), "600")
    output, _ = renamer.communicate(timeout=30)
    truth = json.loads(output)
    for recorder, rate in zip(recorders, ("99", "499")):
        done = bd.finish(recorder, recorder.started, 30)
        assert done.status == 0, done.stderr
        report = bd.Report(tmp_path / rate)
        row = report.thread(truth["pid"], truth["tid"])
        assert bd.within(row["on_cpu_ns"], truth["cpu_ns"], 0.01), (truth, row)
        loss = report.loss
        assert bd.within(loss["fired"], report.seconds * int(rate) * bd.CPUS, 0.01, 2 * bd.CPUS)
        assert loss["recorded"] + loss.get("lost", 0) == loss["fired"]
        hits = len(report.samples_of(truth["pid"]))
        assert bd.within(hits, 0.6 * int(rate), 0.2, 8), f"{hits} samples at {rate} Hz"


def test_interrupt_ends_early_and_completely(tmp_path):
    with bd.beside(bd.prog("shares"), "60000") as shares:
        recorder = bd.start(bd.BACKDRAFT, "capture", "-d", "60", "-o", tmp_path / "a.bdr")
        time.sleep(3)
        interrupted_ns = time.time_ns()
        done = bd.interrupt(recorder)
    assert done.status == 0, done.stderr
    report = bd.Report(tmp_path / "a.bdr")
    assert abs(report.end_ns - interrupted_ns) < 0.5e9
    assert 1 < report.seconds < 3.5
    assert not report.raw.get("incomplete")
    assert report.loss["recorded"] + report.loss.get("lost", 0) == report.loss["fired"]
    on_cpu = sum(thread["on_cpu_ns"] for thread in report.threads_of(shares.pid))
    assert on_cpu > 0.3 * report.seconds * 1e9
    assert os.listdir(tmp_path) == ["a.bdr"], "something else was left behind"


def test_default_output(tmp_path):
    """backdraft-YYYYMMDD-HHMMSS.bdr and .html here, mode 0600 whatever the umask."""
    done = bd.run(["/bin/sh", "-c", f"umask 0; exec {bd.BACKDRAFT} capture -d 1"], cwd=tmp_path)
    assert done.status == 0, done.stderr
    names = sorted(path.name for path in tmp_path.iterdir())
    assert len(names) == 2 and names[0].endswith(".bdr") and names[1].endswith(".html"), names
    assert names[0][:-4] == names[1][:-5]
    time.strptime(names[0], "backdraft-%Y%m%d-%H%M%S.bdr")
    for path in tmp_path.iterdir():
        assert stat.S_IMODE(path.stat().st_mode) == 0o600, path


def test_files_belong_to_the_user_behind_sudo(public_dir):
    os.chmod(public_dir, 0o777)
    env = dict(os.environ, SUDO_UID="65534", SUDO_GID="65534", SUDO_USER="nobody")
    done = bd.backdraft("capture", "-o", public_dir / "a.bdr", "--html", public_dir / "a.html",
                        "--", "/bin/sh", "-c", f"id -u >{public_dir}/uid", env=env)
    assert done.status == 0, done.stderr
    assert (public_dir / "uid").read_text().strip() == "65534", "the command ran as root"
    for name in ("a.bdr", "a.html"):
        status = (public_dir / name).stat()
        assert (status.st_uid, status.st_gid) == (65534, 65534), name
        assert stat.S_IMODE(status.st_mode) == 0o600, name


def test_link_in_place_of_the_output_is_not_followed(tmp_path):
    victim = tmp_path / "victim"
    victim.write_text("precious")
    (tmp_path / "a.bdr").symlink_to(victim)
    bd.capture(tmp_path / "a.bdr", "-d", "1", ok=False)
    assert victim.read_text() == "precious"


def test_command_and_its_family(tmp_path):
    out = tmp_path / "a.bdr"
    done = bd.backdraft("capture", "-F", "499", "-o", out, "--", bd.prog("family"), "300", "5")
    assert done.status == 0, done.stderr
    report = bd.Report(out)
    command = report.raw["command"]
    assert command["name"] == "family" and command["exit_status"] == 5
    assert not command.get("signal")
    assert 0.3e9 < command["elapsed_ns"] < 20e9
    assert bd.within(report.end_ns - report.start_ns, command["elapsed_ns"], 0.1, 0.3e9)
    assert f'"pid": {command["pid"]},' in done.stdout
    assert "5" in done.stdout + done.stderr, "the exit status is not in the summary"
    assert {thread["process"] for thread in report.threads} == {"family", "child", "grandchild"}
    for name, function in (("family", "burn_parent"), ("child", "burn_child"),
                           ("grandchild", "burn_grandchild")):
        rows = [thread for thread in report.threads if thread["process"] == name]
        assert len(rows) == 1
        assert bd.within(rows[0]["on_cpu_ns"], 0.3e9, 0.01, 10e6), rows[0]
        assert any(function in line[2] for line in report.folded("--pid", str(rows[0]["pid"])))


@pytest.mark.parametrize("how,status,signal_number",
                         [("exit 0", 0, 0), ("exit 77", 77, 0),
                          ("kill -9 $$", 137, int(signal.SIGKILL)),
                          ("kill -11 $$", 139, int(signal.SIGSEGV))])
def test_command_ends(tmp_path, how, status, signal_number):
    out = tmp_path / "a.bdr"
    done = bd.backdraft("capture", "-o", out, "--", "/bin/sh", "-c", how)
    assert done.status == 0, done.stderr
    command = bd.Report(out).raw["command"]
    assert command["exit_status"] == status
    assert command.get("signal", 0) == signal_number


def test_capture_by_name(tmp_path):
    name = f"named-{os.getpid()}"  # other runs of these tests may be under way
    shutil.copy(bd.prog("shares"), tmp_path / name)
    with bd.beside(tmp_path / name, "60000") as shares, bd.beside(bd.prog("mixed"), "60000"):
        time.sleep(0.2)
        report = bd.capture(tmp_path / "a.bdr", "-d", "1", "-c", name)
    assert {thread["pid"] for thread in report.threads} == {shares.pid}
    assert len([thread for thread in report.threads if thread["name"].startswith("shares-")]) == 4


def test_binary_is_replaced_while_it_runs(tmp_path):
    """The file that is mapped is read, not what lies at its path now."""
    binary = tmp_path / "replaced"
    shutil.copy(bd.prog("shares"), binary)
    with bd.beside(binary, "60000") as process:
        time.sleep(0.2)
        binary.unlink()
        shutil.copy(bd.prog("kernelburn"), binary)
        report = bd.capture(tmp_path / "a.bdr", "-d", "1", "-F", "499", "-p", process.pid)
    lines = report.folded()
    assert any("burn_half" in line[2] for line in lines), lines[:5]
    assert not any("burn_in_kernel" in line[2] for line in lines)
