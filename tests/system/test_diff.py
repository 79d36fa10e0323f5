# SPDX-License-Identifier: BSD-2-Clause
"""`backdraft diff` on two captures of a program of which one function got hotter by a known amount."""

import re

import bd
import pytest


@pytest.fixture(scope="module")
def pair(tmp_path_factory):
    """Two captures of `shares`: half, third, fifth as 50 : 30 : 20, and as 50 : 30 : 60; each says
    the exact times itself."""
    directory = tmp_path_factory.mktemp("diff")
    return [bd.capture(directory / f"{name}.bdr", "-F", "499",
                       command=[bd.prog("shares"), "1500", *words])
            for name, words in (("a", []), ("b", ["60"]))]


def exact_shares(report):
    sums = {name: sum(t[name] for t in report.output["threads"])
            for name in ("burn_half", "burn_third", "burn_fifth")}
    return {name: 100 * ns / sum(sums.values()) for name, ns in sums.items()}


def rows_of(text):
    """[(is noise, A %, B %, points, factor, name)] of the first table."""
    table = text.split("function, by its own time\n")[1].split("\n\n")[0]
    pattern = re.compile(r"^([ ~]) +([\d.]+) +([\d.]+) +([+-][\d.]+) +(\S+)  (\S+)", re.M)
    return [(m[1] == "~", float(m[2]), float(m[3]), float(m[4]), m[5], m[6])
            for m in pattern.finditer(table)]


def by_function(stacks):
    """Share of the stacks with each burner in them, of both columns."""
    sums, whole = {}, [0, 0]
    for line in stacks.splitlines():
        stack, *values = line.rsplit(" ", 2)
        for i in range(2):
            whole[i] += int(values[i])
            for name in ("burn_half", "burn_third", "burn_fifth"):
                if name in stack.split(";"):
                    sums.setdefault(name, [0, 0])[i] += int(values[i])
    return {name: [100 * v[i] / whole[i] for i in range(2)] for name, v in sums.items()}, whole


def test_the_hotter_function_is_found(pair):
    done = bd.backdraft("diff", pair[0].path, pair[1].path, "-f", "folded", "--thread", "^shares-")
    assert (done.status, done.stderr) == (0, "")
    shares, whole = by_function(done.stdout)
    assert whole[0] == whole[1]
    for i, report in enumerate(pair):
        for name, share in exact_shares(report).items():
            assert abs(shares[name][i] - share) < 4, (name, i, shares, share)


def test_text(pair):
    """All of the change is in what burn_fifth calls: +23 points, three times before the others lose."""
    done = bd.backdraft("diff", pair[0].path, pair[1].path, "--thread", "^shares-")
    assert done.status == 0
    calls = done.stdout.split("function, with what it calls\n")[1].split("\n\n")[0]
    fifth = next(line for line in calls.splitlines() if "burn_fifth" in line)
    half = next(line for line in calls.splitlines() if "burn_half" in line)
    want = [exact_shares(report) for report in pair]
    assert not fifth.startswith("~") and not half.startswith("~")
    assert abs(float(fifth.split()[2]) - (want[1]["burn_fifth"] - want[0]["burn_fifth"])) < 5
    assert abs(float(half.split()[2]) - (want[1]["burn_half"] - want[0]["burn_half"])) < 5


def test_same_report_has_no_change(pair):
    done = bd.backdraft("diff", pair[0].path, pair[0].path)
    assert done.status == 0
    assert done.stdout.count("nothing changed by more than chance") == 3


def test_pictures(pair, tmp_path):
    for name, begins in (("d.svg", "<?xml"), ("d.html", "<!DOCTYPE html>"), ("d.folded", "shares;")):
        done = bd.backdraft("diff", pair[0].path, pair[1].path, "--thread", "^shares-", "-o", tmp_path / name)
        assert done.status == 0, done.stderr
        text = (tmp_path / name).read_text()
        assert text.startswith(begins) and "burn_fifth" in text or name == "d.html"
    svg = (tmp_path / "d.svg").read_text()
    assert re.search(r'<title>burn_fifth [^<]*</title><rect class="a[2-4]"', svg)
    assert re.search(r'<title>burn_half [^<]*</title><rect class="b[1-3]"', svg)


def test_wrong_use(pair, tmp_path):
    a, b = pair[0].path, pair[1].path
    for words, message in (([], "which two reports"), ([a], "which two reports"),
                           ([a, b, a], "two reports at a time"), (["-", "-"], "standard input"),
                           ([a, b, "-f", "pprof"], "no format 'pprof'"),
                           ([a, b, "--from", "999"], "report A: from 999 s: the window has"),
                           ([a, b, "--thread", "nobody"], "report A has nothing"),
                           ([a, tmp_path / "none"], "none: No such file")):
        done = bd.backdraft("diff", *words)
        assert done.status == 2 and message in done.stderr and not done.stdout, words
        assert done.stderr.count("\n") == 1
