# SPDX-License-Identifier: BSD-2-Clause
"""Walked stacks of programs with a known call chain: equal, frame by frame, from leaf to root."""

import collections
import json
import pathlib
import re
import shutil
import subprocess
import time

import pytest

import bd
from chains import CHAINS, compare, named

RATE = 499

totals = collections.Counter()


def check(report):
    """At most one of some 150 samples is wrong; over all cases see test_all_chains_together."""
    found = compare(report, report.output)
    assert found.total >= 0.5 * RATE * report.output["cpu_ns"] / 1e9, f"only {found.total} samples"
    wrong = sum(found.wrong.values())
    totals["samples"] += found.total
    totals["wrong"] += wrong
    assert wrong <= max(1, 0.001 * found.total), (
        f"{wrong} of {found.total} are not {report.output['chain']}:\n" +
        "\n".join(f"{count} x {chain[:600]}" for chain, count in found.wrong.most_common(5)))


def record(tmp_path, program, *words):
    """A capture of one case. Its perf-map, which it leaves for the capture, is removed."""
    report = bd.capture(tmp_path / "a.bdr", "-F", str(RATE), command=[CHAINS / program, *words])
    pathlib.Path(f"/tmp/perf-{report.output['pid']}.map").unlink(missing_ok=True)
    return report


def cases():
    for program in ("chains-dynamic", "chains-static-pie", "chains-static", "chains-stripped",
                    "chains-cpp", "chains-cpp-stripped", "chains-rs"):
        if not (CHAINS / program).exists():
            yield pytest.param(program, "any", marks=pytest.mark.skip(
                reason=f"optional: {program} was not built: no compiler for it"))
            continue
        names = subprocess.run([CHAINS / program], capture_output=True, text=True,
                               check=True).stdout.split()
        for name in names:
            yield pytest.param(program, name, id=f"{program[7:]}-{name}")


# Files without .eh_frame for most of their code, and the cases in which the rest tells all the same:
# by .debug_frame, by frame pointers, and musl's own root and trampoline.
WITHOUT_ENTRIES = {
    "chains-debug-frame": ["plain", "altstack", "qsort"],
    "chains-frames": ["plain", "first", "qsort", "thread"],
    "chains-musl": ["plain", "altstack", "first", "fork", "thread", "timer"],
}


def cases_without_entries():
    for program, names in WITHOUT_ENTRIES.items():
        lacks = [] if (CHAINS / program).exists() else [
            pytest.mark.skip(reason=f"optional: {program} was not built: no compiler for it")]
        for name in names:
            yield pytest.param(program, name, id=f"{program[7:]}-{name}", marks=lacks)


@pytest.mark.parametrize("program,case", list(cases_without_entries()))
def test_chain_without_entries(tmp_path, program, case):
    check(record(tmp_path, program, case, "300"))


def test_nothing_is_guessed_where_nothing_tells(tmp_path):
    """Neither entries nor frame pointers: the leaf, and the reason why there is no more."""
    report = record(tmp_path, "chains-bare", "plain", "300")
    found = compare(report, report.output)
    assert found.total >= 0.5 * RATE * 0.3
    assert set(found.wrong) == {"chain_leaf <- [unwind: no FDE]"}, found.wrong
    assert sum(found.wrong.values()) == found.total
    shown = bd.backdraft("show", tmp_path / "a.bdr").stdout.splitlines()[0]
    assert re.match(r"WARNING: (9\d|100) % of the \d+ user stacks of chains-bare .*: "
                    r"\[unwind: no FDE\], .* -fasynchronous-unwind-tables", shown), shown


@pytest.mark.parametrize("program,case", list(cases()))
def test_chain(tmp_path, program, case):
    check(record(tmp_path, program, case, "300"))


def test_all_chains_together():
    """99.9 % of the samples of all cases."""
    if totals["samples"] < 5000:
        pytest.skip("optional: runs with all cases only")
    assert totals["wrong"] <= 0.001 * totals["samples"], totals


@pytest.mark.parametrize("depth", [10, 30, 95, 300, 500])
def test_recursion(tmp_path, depth):
    check(record(tmp_path, "chains-dynamic", "recursion", "500", str(depth)))


@pytest.mark.parametrize("case", ["plain", "bigframe", "altstack", "first"])
@pytest.mark.parametrize("program", ["chains-dynamic", "chains-static", "chains-stripped"])
def test_named_process(tmp_path, program, case):
    """A process that is named has its tables before the first sample, so none is cut."""
    with bd.beside(CHAINS / program, case, "1500") as process:
        time.sleep(0.2)
        report = bd.capture(tmp_path / "a.bdr", "-d", "0.7", "-F", str(RATE), "-p", process.pid)
        done = bd.finish(process, process.started, 30)
    found = compare(report, json.loads(done.stdout))
    assert found.total >= 20, f"only {found.total} samples"
    assert not found.wrong and not found.short, found


def test_deeper_than_is_walked(tmp_path):
    """Deeper stacks keep leaf and root, and the gap is marked."""
    report = record(tmp_path, "chains-dynamic", "recursion", "500", "2000")
    truth, marked = report.output, 0
    total = 0
    for sample in report.samples:
        t_ns = report.start_ns + sample["t_ns"]
        if not truth["begin_ns"] <= t_ns <= truth["end_ns"]:
            continue
        walked = [named(report, frame) for frame in report.stack(sample["stack"])
                  if frame["kind"] != "kernel"]
        total += 1
        names = [name for _, name in walked]
        cuts = [name for whose, name in walked if whose == "cut"]
        marked += (len(cuts) == 1 and names[0] == "chain_leaf" and
                   names.count("chain_recurse") >= 500)
    assert total > 100
    assert marked >= 0.999 * total, f"{marked} of {total}"


def test_binary_replaced_while_it_runs(tmp_path):
    """The tables and symbols of what is mapped, not of what lies at the path now."""
    binary = tmp_path / "chains-static"
    shutil.copy(CHAINS / "chains-static", binary)
    with bd.beside(binary, "plain", "3000") as process:
        binary.unlink()
        shutil.copy(CHAINS / "chains-static-pie", binary)
        report = bd.capture(tmp_path / "a.bdr", "-d", "1", "-F", str(RATE), "-p", process.pid)
    names = [[frame["name"] for frame in report.stack(sample["stack"]) if frame["kind"] == "native"]
             for sample in report.samples if sample["stack"] >= 0]
    good = sum(chain[:6] == ["chain_leaf", "chain_inner", "chain_middle", "chain_outer",
                             "chain_plain", "main"] for chain in names)
    assert len(report.samples) > 40 and good >= 0.99 * len(report.samples), names[:3]


def test_generated_code_is_named_by_its_perf_map(tmp_path):
    report = record(tmp_path, "chains-dynamic", "jit", "500")
    check(report)
    lines = [line for line in report.folded() if "chain_jit" in line[2]]
    named_so = [line for line in lines
                if "chain_jit;jit_outer_[j];jit_inner_[j];chain_leaf" in ";".join(line[2])]
    assert sum(line[3] for line in named_so) >= 0.95 * sum(line[3] for line in lines) > 0


def test_twenty_thousand_mappings(tmp_path):
    """A process that maps and unmaps code all the time; the tool keeps its memory."""
    report = bd.capture(tmp_path / "a.bdr", "-F", str(RATE), command=[bd.prog("mapper"), "20000"])
    truth = report.output
    assert report.done.rss_bytes < 200 << 20, f"{report.done.rss_bytes >> 20} MB"
    lines = [line for line in report.folded("--pid", str(truth["pid"])) if "[not sampled]" not in
             line[2]]
    total = sum(line[3] for line in lines)
    burned = sum(line[3] for line in lines
                 if "burn_between" in line[2] and "main" in line[2])
    assert abs(burned / total - truth["burn_ns"] / truth["cpu_ns"]) < 0.05, (burned, total, truth)


def test_inlined_functions_are_named(tmp_path):
    report = record(tmp_path, "chains-cpp", "inlining", "500")
    chains = collections.Counter()
    for sample in report.samples:
        names = [(frame["kind"], frame["name"]) for frame in report.stack(sample["stack"])
                 if frame["kind"] != "kernel"]
        chains["found"] += any(kind == "inlined" and "inlined_step" in name
                               for kind, name in names)
        chains["all"] += 1
    assert chains["found"] >= 0.95 * chains["all"] > 0, chains
    # The names that the linker knows stay in the report, for tools that want those.
    mangled = subprocess.run(["nm", "--defined-only", CHAINS / "chains-cpp"], capture_output=True,
                             text=True, check=True).stdout.split()[2::3]
    ours = [frame for frame in report.frames
            if frame["kind"] == "native" and frame["name"].startswith("shop::")]
    assert ours and all(frame["symbol"] in mangled for frame in ours), ours


def test_processes_that_the_capture_has_never_seen(tmp_path):
    """1,000 processes of 5 ms of ten binaries: 95 % of their CPU time is in whole stacks."""
    binaries = []
    for i in range(10):
        binaries.append(tmp_path / f"brief-{i}")
        shutil.copy(bd.prog(f"brief-{i}"), binaries[-1])
    report = bd.capture(tmp_path / "a.bdr", "-F", "499",
                        command=[bd.prog("forker"), "1000", "5", *binaries])
    truth, whole = report.output, 0
    pids = {thread["pid"] for thread in report.threads} - {truth["pid"]}
    for sample in report.samples_of(*pids):
        frames = report.stack(sample["stack"]) if sample["stack"] >= 0 else []
        native = [frame for frame in frames if frame["kind"] != "kernel"]
        if native and not any(frame["kind"] == bd.CUT for frame in frames):
            whole += sample["weight_ns"]
    assert whole >= 0.95 * truth["children_ns"], f"{100 * whole / truth['children_ns']:.1f} %"
