# SPDX-License-Identifier: BSD-2-Clause
"""Exact time, and the shares of the samples, against what the programs measured of themselves."""

import json
import time

import pytest

import bd


@pytest.fixture(scope="module")
def shares(tmp_path_factory):
    out = tmp_path_factory.mktemp("shares") / "shares.bdr"
    return bd.capture(out, "-F", "997", command=[bd.prog("shares"), "3000"])


@pytest.mark.parametrize("name", ["shares-a", "shares-b", "shares-c", "shares-d"])
def test_shares_of_functions(shares, name):
    truth = next(t for t in shares.output["threads"] if t["name"] == name)
    lines = [line for line in shares.folded("--thread", f"^{name}$") if line[1] == name]
    total = sum(line[3] for line in lines)
    assert total > 0
    for function, share in (("burn_half", 50), ("burn_third", 30), ("burn_fifth", 20)):
        exact = 100 * truth[function] / truth["cpu_ns"]
        assert abs(exact - share) < 1, "the program itself missed its shares"
        got = 100 * sum(line[3] for line in lines if function in line[2]) / total
        assert abs(got - exact) <= 3, f"{name} {function}: {got:.1f} %, really {exact:.1f} %"


def test_weights_are_the_exact_time(shares):
    """What the samples of a thread weigh, and what none hit, is its exact time."""
    weights = {}
    for sample in shares.samples:
        weights[sample["thread"]] = weights.get(sample["thread"], 0) + sample["weight_ns"]
    for row, thread in enumerate(shares.threads):
        total = weights.get(row, 0) + thread.get("not_sampled_ns", 0)
        assert abs(total - thread["on_cpu_ns"]) <= 1000, thread


def test_whole_life_of_a_mixed_load(tmp_path):
    report = bd.capture(tmp_path / "a.bdr", command=[bd.prog("mixed"), "4000"])
    pid = report.output["pid"]
    for truth in report.output["threads"]:
        row = report.thread(pid, truth["tid"])
        assert row["name"] == truth["name"]
        assert bd.within(row["on_cpu_ns"], truth["cpu_ns"], 0.01), (truth, row)
        assert bd.within(row["wait_ns"], truth["wait_ns"], 0.01, 2e6), (truth, row)


def edge(series, t_ns, value):
    """(lower, upper) bound of a logged value at a moment: the entries around it."""
    before = [entry for entry in series if entry[1] <= t_ns]
    after = [entry for entry in series if entry[0] >= t_ns]
    assert before and after, "the program did not run on both sides of the window's edge"
    return before[-1][value], after[0][value]


def test_part_of_a_mixed_load(tmp_path):
    """The window begins and ends while the threads run, wait, sleep and hold locks."""
    with bd.beside(bd.prog("mixed"), "7000", "series") as mixed:
        time.sleep(1)
        report = bd.capture(tmp_path / "a.bdr", "-d", "2", "-p", mixed.pid)
        output, _ = mixed.communicate(timeout=30)
    for truth in json.loads(output)["threads"]:
        row = report.thread(mixed.pid, truth["tid"])
        for column, value, least in (("on_cpu_ns", 2, 0), ("wait_ns", 3, 2e6)):
            start = edge(truth["series"], report.start_ns, value)
            end = edge(truth["series"], report.end_ns, value)
            low, high = end[0] - start[1], end[1] - start[0]
            slack = max(0.01 * row[column], least)
            assert low - slack <= row[column] <= high + slack, (
                f"{truth['name']} {column} {row[column]} is not within {low}..{high}")


@pytest.mark.parametrize("load", ["quiet", "busy"])
def test_parts_make_the_whole_machine(tmp_path, load):
    if load == "busy":
        with bd.beside(bd.prog("mixed"), "60000"):
            report = bd.capture(tmp_path / "a.bdr", "-d", "3")
    else:
        report = bd.capture(tmp_path / "a.bdr", "-d", "3")
    machine = report.raw["machine"]
    capacity = bd.CPUS * (report.end_ns - report.start_ns)
    assert abs(report.seconds - 3) < 0.5, "the tool had to wait for a CPU"
    assert bd.within(machine["capacity_ns"], capacity, 0.001)
    parts = sum(machine.get(part, 0) for part in ("threads_ns", "idle_ns", "steal_ns", "irq_ns"))
    assert bd.within(parts, capacity, 0.005), machine
    rows = sum(thread["on_cpu_ns"] for thread in report.threads)
    assert bd.within(rows, machine["threads_ns"], 0.001)
    if load == "busy":
        assert machine.get("idle_ns", 0) < 0.02 * capacity


def test_two_thousand_short_processes(tmp_path):
    report = bd.capture(tmp_path / "a.bdr", command=[bd.prog("forker"), "2000", "2"])
    truth = report.output
    children = [thread for thread in report.threads if thread["pid"] != truth["pid"]]
    assert len(truth["children"]) == 2000
    total = sum(thread["on_cpu_ns"] for thread in children)
    assert total >= 0.99 * truth["children_ns"], f"{total / truth['children_ns']:.4f}"
    assert total <= 1.01 * truth["children_ns"], "more than the kernel says"
    missing = set(truth["children"]) - {thread["pid"] for thread in children}
    assert len(missing) <= 20, f"not in the report: {sorted(missing)}"
    named = sum(thread["on_cpu_ns"] for thread in children if thread["process"] == "forked")
    assert named >= 0.99 * total, "short processes without their name"


def test_four_thousand_threads(tmp_path):
    report = bd.capture(tmp_path / "a.bdr", command=[bd.prog("threads4096")])
    truth = report.output
    rows = report.threads_of(truth["pid"])
    assert len(rows) == 4097
    assert len({row["tid"] for row in rows}) == 4097
    crowd = [row for row in rows if row["name"].startswith("crowd-")]
    assert {row["name"] for row in crowd} == {f"crowd-{i}" for i in range(4096)}
    assert bd.within(sum(row["on_cpu_ns"] for row in rows), truth["process_ns"], 0.01)


def test_thread_that_renames_itself(tmp_path):
    report = bd.capture(tmp_path / "a.bdr", "-F", "499", command=[bd.prog("renamer"), "1000"])
    truth = report.output
    row = report.thread(truth["pid"], truth["tid"])
    assert row["name"] == "after"
    assert bd.within(row["on_cpu_ns"], truth["cpu_ns"], 0.01)
    lines = [line for line in report.folded() if line[1] == "after"]
    total = sum(line[3] for line in lines)
    for function in ("burn_before", "burn_after"):
        assert bd.within(sum(line[3] for line in lines if function in line[2]), total / 2, 0.1)
    assert not [line for line in report.folded() if line[1] == "before"]


def test_kernel_burns(tmp_path):
    report = bd.capture(tmp_path / "a.bdr", "-F", "499", command=[bd.prog("kernelburn"), "2000"])
    truth = report.output
    row = report.thread(truth["pid"], truth["pid"])
    assert bd.within(row["on_cpu_ns"], truth["cpu_ns"], 0.01, 5e6), "5 ms: exec and exit"
    lines = [line for line in report.folded("--pid", str(truth["pid"]))]
    total = sum(line[3] for line in lines)
    kernel = [line for line in lines if any(frame.endswith("_[k]") for frame in line[2])]
    assert sum(line[3] for line in kernel) >= 0.95 * total
    called = sum(line[3] for line in kernel if "burn_in_kernel" in line[2] and "main" in line[2])
    assert called >= 0.95 * sum(line[3] for line in kernel), "kernel stacks without their caller"
    for line in kernel:
        first = next(i for i, frame in enumerate(line[2]) if frame.endswith("_[k]"))
        assert all(frame.endswith("_[k]") or frame.startswith("[") for frame in line[2][first:]), (
            f"a user frame above a kernel one: {line}")


def test_who_had_the_cpu_beside_thousands_of_processes(tmp_path):
    """More pairs of who waited and who ran than the kernel's table has room for."""
    # On one CPU, where each child has to wait for its parent.
    r = bd.capture(tmp_path / "many.bdr",
                   command=["taskset", "-c", "0", bd.prog("forker"), "16000", "0"])
    assert not [reason for reason in r.loss["reasons"] if reason.startswith("blockers")]
    pairs, waited = r.table("blockers", "by_name"), sum(thread["wait_ns"] for thread in r.threads)
    assert len(pairs) > 16384  # what the table holds
    # Of a wait that is longer than the last few runs on its CPU the rest is nobody's; a full table left 32 %.
    assert 0.6 * waited < sum(pair["wait_ns"] for pair in pairs) <= 1.01 * waited
    assert len({(pair["thread"], pair["by"], pair["by_name"]) for pair in pairs}) > 16000
