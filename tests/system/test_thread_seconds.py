# SPDX-License-Identifier: BSD-2-Clause
"""CPU time by second and thread in the report of a crash: against what the threads say of themselves."""

import json
import signal
import subprocess

import bd
import pytest
from watching import rows

CLIENT = """[client "turns"]
match_exe = @progs/turns
deviation = off
"""


@pytest.fixture(scope="module")
def crashed(build_dir, tmp_path_factory):
    """The turns as they were, and the report of the crash."""
    from watching import Daemon

    d = Daemon(build_dir, tmp_path_factory.mktemp("turns"), CLIENT).start()
    program = subprocess.Popen([bd.prog("turns")], stdout=subprocess.PIPE, text=True)
    try:
        assert program.stdout.readline() == "ready\n"
        d.wait_for(lambda: any(c["processes"] for c in d.status()["clients"] if c["name"] == "turns"))
        # Seconds before it does anything are known as well.
        d.wait_for(lambda: d.status()["ring"]["seconds"] >= 3)
        program.send_signal(signal.SIGUSR1)
        turns = [json.loads(line) for line in program.stdout]
        assert program.wait(60) == -signal.SIGABRT
        path = d.wait_for(d.spool)[0]
        yield turns, path, d.report(path)
    finally:
        program.kill()
        program.wait()
        program.stdout.close()
        d.stop()


def test_each_second_has_what_its_threads_ran(crashed):
    turns, _, report = crashed
    assert len(turns) == 3
    names = [report["strings"][name] for name in report["threads"]["name"]]
    seconds = rows(report["thread_seconds"])
    # Rows of one second have one length, and the seconds follow each other.
    ends = {}
    for row in seconds:
        assert ends.setdefault(row["t_ns"], row["span_us"]) == row["span_us"]
    assert max(ends.values()) > 900_000
    for turn in turns:
        mine = [r for r in seconds if r["thread"] >= 0 and names[r["thread"]] == turn["name"]]
        within = [r for r in mine if r["t_ns"] > turn["from_ns"] and
                  r["t_ns"] - r["span_us"] * 1000 < turn["to_ns"]]
        # What comes before the first line of its main and after the last is below a ms.
        assert sum(r["on_cpu_us"] for r in within) == pytest.approx(turn["cpu_ns"] / 1000, abs=2000), turn
        assert sum(r["on_cpu_us"] for r in mine) - sum(r["on_cpu_us"] for r in within) < 1000
        assert all(r["on_cpu_us"] <= r["span_us"] * 1.02 + 5000 and r["threads"] == 1 for r in mine)
    # The last second ended with the process: what it ran in it is there.
    last = max(seconds, key=lambda r: r["t_ns"])
    assert last["t_ns"] >= report["dump"]["taken_ns"] and names[last["thread"]] == "turn-2"
    assert last["t_ns"] - report["dump"]["taken_ns"] < 2e9


def test_seconds_and_totals_agree(crashed):
    _, _, report = crashed
    threads = report["threads"]
    sums = {}
    for row in rows(report["thread_seconds"]):
        sums[row["thread"]] = sums.get(row["thread"], 0) + row["on_cpu_us"]
    for thread, us in sums.items():
        # The window may begin in the middle of a second.
        assert us == pytest.approx(threads["on_cpu_ns"][thread] / 1000, abs=3000)


def test_shown_in_the_terminal(crashed):
    _, path, _ = crashed
    shown = bd.backdraft("show", path).stdout
    lines = [line for line in shown.split("\n") if " turn-" in line and "." in line[34:] and
             set(line[34:]) <= set("?.\u2581\u2582\u2583\u2584\u2585\u2586\u2587\u2588")]
    assert sorted(line.split()[2] for line in lines) == ["turn-0", "turn-1", "turn-2"], shown

    def first_bar(name):
        strip = next(line for line in lines if name in line)[34:]
        return next(i for i, c in enumerate(strip) if c not in "?.")

    assert first_bar("turn-0") < first_bar("turn-1") < first_bar("turn-2")


def test_the_dead_are_the_clients(crashed):
    _, _, report = crashed
    threads = report["threads"]
    marked = {pid for pid, its in zip(threads["pid"], threads["client"]) if its}
    mine = {report["strings"][name] for name, its in zip(threads["name"], threads["client"]) if its}
    assert len(marked) == 1 and {"turn-0", "turn-1", "turn-2"} <= mine
