# SPDX-License-Identifier: BSD-2-Clause
"""recorded + lost = fired, where fired is counted from the clock and not from what arrived."""

import bd

RATE = 997


def account(report, rate=RATE):
    """The balance of a report of the whole machine; returns its losses."""
    loss = report.loss
    due = report.seconds * rate * bd.CPUS
    # The events are let go one after the other, on a busy machine: 25 ms of the window.
    slack = max(0.005 * due, 2 * bd.CPUS) + 0.025 * rate * bd.CPUS
    recorded, lost = loss["recorded"], loss.get("lost", 0)
    assert recorded + lost == loss["fired"], loss
    assert -slack <= loss["fired"] - due <= max(0.001 * due, 2 * bd.CPUS), (
        f"by the clock {due:.0f}: {loss}")
    rows = recorded - loss.get("idle", 0) - loss.get("filtered", 0)
    assert len(report.samples) == rows, f"{len(report.samples)} rows: {loss}"
    return loss


def reason(loss, part):
    return sum(count for name, count in loss.get("reasons", {}).items() if part in name)


def test_nothing_is_lost_when_there_is_room(tmp_path):
    with bd.beside(bd.prog("shares"), "60000"):
        report = bd.capture(tmp_path / "a.bdr", "-d", "3", "-F", str(RATE))
    loss = account(report)
    assert loss.get("lost", 0) <= 0.01 * loss["fired"], loss


def test_ring_that_is_too_small(tmp_path):
    """Four threads in user functions that alternate, at a high rate, into a page a CPU."""
    with bd.beside(bd.prog("shares"), "60000"):
        report = bd.capture(tmp_path / "a.bdr", "-d", "3", "-F", "4999", "--ring-bytes", "4096")
    loss = account(report, 4999)
    assert loss["lost"] > 0, "the ring was not too small: the test shows nothing"
    assert reason(loss, "ring full") > 0, loss
    # What was lost is time too: it is spread over the samples that are there, not forgotten.
    weights = sum(sample["weight_ns"] for sample in report.samples)
    missed = sum(thread.get("not_sampled_ns", 0) for thread in report.threads)
    exact = sum(thread["on_cpu_ns"] for thread in report.threads)
    assert bd.within(weights + missed, exact, 0.001)


def test_cpu_inside_map_updates(tmp_path):
    """The kernel skips perf programs on a CPU inside another BPF operation, and counts nothing."""
    with bd.beside(bd.prog("mapupdate"), "60000", str(bd.CPUS - 1)):
        report = bd.capture(tmp_path / "a.bdr", "-d", "3", "-F", str(RATE))
    loss = account(report)
    assert loss["lost"] >= 0.02 * loss["fired"] / bd.CPUS, f"no tick was skipped: {loss}"
    assert reason(loss, "kernel") > 0, f"no reason that says so: {loss}"


def test_reasons_of_samples_add_up(tmp_path):
    report = bd.capture(tmp_path / "a.bdr", "-d", "1", "-F", "99")
    loss = account(report, 99)
    if loss.get("lost", 0):
        assert sum(loss["reasons"].values()) >= loss["lost"], loss


def test_filtered_samples_are_recorded_ones(tmp_path):
    with bd.beside(bd.prog("shares"), "60000"), bd.beside(bd.prog("mixed"), "60000") as mixed:
        report = bd.capture(tmp_path / "a.bdr", "-d", "2", "-F", str(RATE), "-p", mixed.pid)
    loss = account(report)
    assert loss["filtered"] > 0
    assert {thread["pid"] for thread in report.threads} == {mixed.pid}
