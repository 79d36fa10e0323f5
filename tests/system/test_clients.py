# SPDX-License-Identifier: BSD-2-Clause
"""Clients of real processes: whose they are, a quota that isn't starvation, and starvation."""
import contextlib
import json
import os
import pathlib
import re
import shutil
import signal
import subprocess
import time

import pytest

BUILD = pathlib.Path(os.environ.get("O", "build"))
DRIVER = BUILD / "tests/system/clients_driver"
CGROUPS = pathlib.Path("/sys/fs/cgroup")
BUSY = "/usr/bin/yes"


@contextlib.contextmanager
def group(directory):
    """A control group of our own; who is in it at the end is killed, and it is removed."""
    if not directory.parent.is_dir():
        pytest.skip(f"optional: no {directory.parent}")
    directory.mkdir()
    try:
        yield directory
    finally:
        deadline = time.monotonic() + 10
        while True:
            for pid in (directory / "cgroup.procs").read_text().split():
                with contextlib.suppress(ProcessLookupError):
                    os.kill(int(pid), signal.SIGKILL)
            try:
                directory.rmdir()
                break
            except OSError:
                if time.monotonic() > deadline:
                    raise
                time.sleep(0.05)


@pytest.fixture
def cpu_group():
    """10 % of a CPU."""
    v1 = CGROUPS / "cpu"
    if (v1 / "cpu.cfs_quota_us").exists():
        with group(v1 / f"bd-test-{os.getpid()}") as directory:
            (directory / "cpu.cfs_quota_us").write_text("10000")
            yield directory
        return
    if "cpu" not in (CGROUPS / "cgroup.subtree_control").read_text().split():
        pytest.skip("optional: no cpu controller of cgroups")
    with group(CGROUPS / f"bd-test-{os.getpid()}") as directory:
        (directory / "cpu.max").write_text("10000 100000")
        yield directory


class Busy:
    """Programs that spin, each under a name of its own."""

    def __init__(self, directory):
        self.directory, self.running = directory, []

    def program(self, name):
        path = self.directory / name
        if not path.exists():
            shutil.copy(BUSY, path)
        return path

    def start(self, name, cgroup=None, cpu=None, nice=0):
        def prepare():
            if cgroup:
                (cgroup / "cgroup.procs").write_text(str(os.getpid()))
            if cpu is not None:
                os.sched_setaffinity(0, {cpu})
            os.nice(nice)

        process = subprocess.Popen([self.program(name)], stdout=subprocess.DEVNULL,
                                   preexec_fn=prepare)
        self.running.append(process)
        return process

    def stop(self):
        for process in self.running:
            process.kill()
            process.wait()


@pytest.fixture
def busy(tmp_path):
    programs = Busy(tmp_path)
    yield programs
    programs.stop()


def configure(tmp_path, text):
    path = tmp_path / "backdraft.conf"
    path.write_text(text)
    return path


def driver(config, what):
    done = subprocess.run([DRIVER, config, str(what)], capture_output=True, text=True, timeout=60)
    return done


def watch(config, seconds):
    """The clients of each second that has something to be compared with, by name."""
    done = driver(config, seconds)
    assert done.returncode == 0 and done.stderr == ""
    lines = [json.loads(line) for line in done.stdout.splitlines()]
    assert len(lines) == seconds + 1 and not lines[0]["valid"]
    for line in lines[1:]:
        assert line["valid"] and 0.1e9 < line["dt_ns"] < 10e9
    return [{**{c["name"]: c for c in line["clients"]}, "machine": line["machine"],
             "dt_ns": line["dt_ns"]} for line in lines[1:]]


def mean(seconds, client, what):
    """Over the whole time: on a busy machine a second may be longer, and the next one shorter."""
    return (sum(second[client][what] * second["dt_ns"] for second in seconds) /
            sum(second["dt_ns"] for second in seconds))


def waits(seconds, client):
    """Of the whole time: /proc tells of a wait only when it is over."""
    wait, run = mean(seconds, client, "wait_cores"), mean(seconds, client, "cpu_cores")
    return wait / (wait + run)


def comm_section(name):
    return f'[client "{name}"]\nmatch_comm = {name}\n'


@pytest.mark.parametrize("processes", [1, 6])
def test_a_quota_is_not_starvation(tmp_path, busy, cpu_group, processes):
    for _ in range(processes):
        busy.start("bd-throttled", cgroup=cpu_group)
    seconds = watch(configure(tmp_path, comm_section("bd-throttled")), 5)
    print(f"{processes}: waits {waits(seconds, 'bd-throttled'):.3f}, throttled "
          f"{mean(seconds, 'bd-throttled', 'throttled_share'):.3f}, "
          f"{mean(seconds, 'bd-throttled', 'cpu_cores'):.3f} CPUs")
    for second in seconds:
        assert second["bd-throttled"]["processes"] == processes
        assert second["bd-throttled"]["limit_cores"] == pytest.approx(0.1)
    assert 0.06 < mean(seconds, "bd-throttled", "cpu_cores") < 0.14
    # Less, and waits, only where others keep it from using its quota up.
    assert mean(seconds, "bd-throttled", "throttled_share") > 0.4
    assert waits(seconds, "bd-throttled") < 0.2


def test_starved(tmp_path, busy):
    cpu = min(os.sched_getaffinity(0))
    busy.start("bd-hog", cpu=cpu)
    busy.start("bd-starved", cpu=cpu, nice=19)
    seconds = watch(configure(tmp_path, comm_section("bd-starved") + comm_section("bd-hog")), 5)
    print(f"waits {waits(seconds, 'bd-starved'):.3f}, hog {waits(seconds, 'bd-hog'):.3f}")
    assert waits(seconds, "bd-starved") > 0.8
    assert mean(seconds, "bd-starved", "throttled_share") == 0
    assert mean(seconds, "bd-hog", "cpu_cores") > 3 * mean(seconds, "bd-starved", "cpu_cores")
    assert mean(seconds, "machine", "wait_cores") > 0.8
    assert seconds[0]["bd-starved"]["limit_cores"] == os.cpu_count()


def test_cpu_time_is_the_kernels(tmp_path, busy):
    process = busy.start("bd-exact")

    def ticks():
        fields = pathlib.Path(f"/proc/{process.pid}/stat").read_text().rsplit(")", 1)[1].split()
        return int(fields[11]) + int(fields[12])

    before, began = ticks(), time.monotonic()
    seconds = watch(configure(tmp_path, comm_section("bd-exact")), 4)
    by_ticks = (ticks() - before) / os.sysconf("SC_CLK_TCK") / (time.monotonic() - began)
    assert mean(seconds, "bd-exact", "cpu_cores") == pytest.approx(by_ticks, abs=0.15)
    rss = int(re.search(r"VmRSS:\s+(\d+)", pathlib.Path(f"/proc/{process.pid}/status").read_text())[1])
    assert seconds[-1]["bd-exact"]["rss_bytes"] == pytest.approx(rss * 1024, rel=0.2)
    assert seconds[-1]["machine"]["pressure"] is None or 0 <= seconds[-1]["machine"]["pressure"] <= 1


def test_pressure_of_a_v2_group(tmp_path, busy):
    parent = CGROUPS / "unified" if (CGROUPS / "unified").is_dir() else CGROUPS
    with group(parent / f"bd-test-{os.getpid()}") as directory:
        if not (directory / "cpu.pressure").exists():
            pytest.skip("optional: no pressure of control groups")
        cpu = min(os.sched_getaffinity(0))
        busy.start("bd-a", cpu=cpu, cgroup=directory)
        busy.start("bd-b", cpu=cpu, cgroup=directory)
        config = configure(tmp_path, f'[client "v2"]\nmatch_cgroup = /{directory.name}\n')
        seconds = watch(config, 4)
        for second in seconds:
            assert second["v2"]["processes"] == 2
            # One of the two always waits.
            assert second["v2"]["pressure"] > 0.8
        busy.stop()


def test_children_are_the_parents(tmp_path, busy):
    shell, child = tmp_path / "bd-shell", busy.program("bd-child")
    shutil.copy("/bin/sh", shell)
    config = configure(tmp_path, f'[client "shell"]\nmatch_exe = {shell}\n' + comm_section("bd-child"))
    parent = subprocess.Popen([shell, "-c", f"{child} & {child} & wait"], stdout=subprocess.DEVNULL,
                              start_new_session=True)
    try:
        time.sleep(0.3)
        seconds = watch(config, 2)
        assert seconds[-1]["shell"]["processes"] == 3
        assert seconds[-1]["bd-child"]["processes"] == 0
    finally:
        os.killpg(parent.pid, signal.SIGKILL)
        parent.wait()


def test_pid_file(tmp_path, busy):
    process, pid_file = busy.start("bd-pid"), tmp_path / "x.pid"
    pid_file.write_text(f"{process.pid}\n")
    config = configure(tmp_path, f'[client "x"]\nmatch_pid_file = {pid_file}\n')
    assert watch(config, 1)[-1]["x"]["processes"] == 1
    pid_file.unlink()
    assert watch(config, 1)[-1]["x"]["processes"] == 0


def test_check_and_identity(tmp_path, busy, cpu_group):
    busy.start("bd-known", cgroup=cpu_group)
    (tmp_path / "VERSION").write_text("4.2-rc1\nbuilt by nobody\n")
    config = configure(tmp_path, comm_section("bd-known") + "threshold = 300% for 10s\n"
                       f"version_file = {tmp_path}/VERSION\n" + comm_section("bd-absent"))
    said = driver(config, "check").stdout
    assert "1 client with 1 of " in said
    assert "  bd-known: 1 process, 1 thread, may use 0.1 CPUs" in said
    assert (f"{config}:1: client bd-known: threshold can't be reached, it is above what it may use "
            "(0.1 CPUs)\n") in said
    assert f"{config}:5: client bd-absent: matches no process now\n" in said
    notes = subprocess.run(["readelf", "-n", BUSY], capture_output=True, text=True).stdout
    build_id = re.search(r"Build ID: ([0-9a-f]+)", notes)[1]
    assert driver(config, "identity").stdout == f"bd-known|4.2-rc1|{build_id}|\nbd-absent|||\n"


def test_a_bad_expression_is_refused(tmp_path):
    config = configure(tmp_path, '[client "x"]\nmatch_cmdline = a(b\n')
    done = driver(config, 1)
    assert done.returncode == 2
    assert done.stderr.startswith(f"{config}:1: match_cmdline = a(b: ")
