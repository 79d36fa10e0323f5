# SPDX-License-Identifier: BSD-2-Clause
"""What is normal of every metric: learned, kept, said, and a report when it isn't so any more."""

import re
import signal
import subprocess

import pytest

from watching import Daemon, rows, text

HOLDER = """[client "holder"]
match_exe = @progs/hold
deviation_for = 3s
deviation_metrics = cpu, memory, threads
deviation_least_memory = 100M
"""
METRICS = ["cpu", "wait", "throttled", "pressure", "memory", "threads"]


@pytest.fixture
def learned(build_dir, tmp_path):
    """Daemons that have known a client for days: CPUS, share of waits, MB, threads."""
    made = []

    def make(client, *usual, config=HOLDER, days=9):
        d = Daemon(build_dir, tmp_path, config)
        (tmp_path / "state").mkdir(exist_ok=True)
        subprocess.run([build_dir / "tests/make/make_state", tmp_path / "state", client, str(days),
                        *map(str, usual)], check=True)
        made.append(d)
        return d.start()

    yield make
    for d in made:
        d.stop()


def normals(d, name):
    return {n["metric"]: n for n in rows(d.status()["normals"]) if n["client"] == name}


def held(d):
    return normals(d, "holder").get("memory", {"value": None})["value"] or 0


def test_memory_that_is_not_normal(learned, program):
    client = program("hold", 50, 200)
    d = learned("holder", 0.01, 0.01, 52, 1)
    d.wait_for(lambda: held(d) > 45 << 20)
    known = normals(d, "holder")
    assert list(known) == METRICS
    assert 45 << 20 < known["memory"]["low"] < known["memory"]["median"] < known["memory"]["high"] < 60 << 20
    assert known["throttled"]["high"] is None  # of that it was never told
    states = {r["metric"]: r["state"] for r in rows(d.status()["rules"]) if r["client"] == "holder"}
    assert states == {"cpu": "quiet", "memory": "quiet", "threads": "quiet"}
    assert re.search(r"normally .*memory 4\d(\.\d)? to 5\d(\.\d)? MB", d.run("status").stdout)

    client.send_signal(signal.SIGUSR1)
    path = d.wait_for(d.spool)[0]
    report = d.report(path)
    trigger = report["trigger"]
    assert (trigger["kind"], trigger["metric"], trigger["client"]) == ("deviation", "memory", "holder")
    assert 240 << 20 < trigger["value"] < 270 << 20 and 45 << 20 < trigger["expected"] < 60 << 20
    assert re.fullmatch(r"holder held 25\d MB for 3 s; at \w{3} \d\d:00 it normally holds 4\d(\.\d)? to 5\d(\.\d)? MB",
                        trigger["explanation"])
    table = report["normals"]
    assert set(text(report, table["metric"])) == {"cpu", "wait", "memory", "threads"}
    row = text(report, table["metric"]).index("memory")
    assert text(report, table["unit"])[row] == "bytes"
    assert table["value"][row] > 240 << 20 > 60 << 20 > table["high"][row]
    shown = subprocess.run([d.tool, "show", path], check=True, capture_output=True, text=True).stdout
    assert re.search(r"memory 4\d.* MB, now 25\d MB", shown)
    assert report["baseline"]["metric"] == "cpu"


def test_only_cpu_unless_asked(learned, program):
    """It is said, but it is no reason for a report."""
    client = program("hold", 50, 200)
    d = learned("holder", 0.01, 0.01, 52, 1, config=HOLDER.replace("deviation_metrics", ";"))
    d.wait_for(lambda: held(d) > 45 << 20)
    client.send_signal(signal.SIGUSR1)
    d.wait_for(lambda: held(d) > 240 << 20)
    until = d.status()["agent"]["uptime_s"] + 6
    d.wait_for(lambda: d.status()["agent"]["uptime_s"] >= until)
    assert re.search(r" 25\d MB\+ holder", d.run("status").stdout)
    assert not d.spool() and not d.spool("*.partial")


def test_state_of_all_metrics(learned, program):
    """A restart goes on; damage is set aside and said; an older state, of CPU alone, is taken."""
    program("hold", 50)
    d = learned("holder", 0.01, 0.01, 52, 1)
    d.wait_for(lambda: held(d) > 45 << 20)
    before = normals(d, "holder")
    assert d.stop() == 0
    saved = {name: d.dir / f"state/baseline-holder.{name}" for name in ("cpu", "metrics")}
    print({name: path.stat().st_size for name, path in saved.items()})
    assert sum(path.stat().st_size for path in saved.values()) < 64 << 10

    damaged = bytearray(saved["metrics"].read_bytes())
    damaged[1000] ^= 1
    saved["metrics"].write_bytes(damaged)
    d.start()
    d.wait_for(lambda: held(d) > 45 << 20)
    assert "baseline-holder.metrics: the file is damaged; it begins anew" in d.said()
    assert saved["metrics"].with_name("baseline-holder.metrics.damaged").read_bytes() == bytes(damaged)
    after = normals(d, "holder")
    assert after["memory"]["high"] is None and after["cpu"]["high"] == before["cpu"]["high"]
    assert d.stop() == 0

    saved["metrics"].unlink()  # as before there were others than CPU
    d.start()
    d.wait_for(lambda: held(d) > 45 << 20)
    assert d.said().count("anew") == 1
    after = normals(d, "holder")
    assert after["memory"]["high"] is None and after["cpu"]["high"] == before["cpu"]["high"]


def test_the_machine_learns_too(daemon):
    d = daemon()
    d.wait_for(lambda: normals(d, "machine").get("memory", {"value": None})["value"])
    known = normals(d, "machine")
    assert list(known) == METRICS
    assert known["threads"]["value"] > 10 and known["throttled"]["value"] is None
