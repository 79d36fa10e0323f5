# SPDX-License-Identifier: BSD-2-Clause
"""The page that compares two reports: what it shows is what `backdraft diff` says."""

import re
import subprocess

import pytest
from selenium.webdriver.common.action_chains import ActionChains

from conftest import Page


@pytest.fixture(scope="session")
def diff(reports, build_dir):
    """diff(*options): what `backdraft diff` writes of two synthetic reports."""
    paths = []
    for seed in (7, 8):
        paths.append(reports.directory / f"side-{seed}.bdr")
        subprocess.run([build_dir / "tools/synth-report", "--seed", str(seed), "-o", paths[-1]],
                       check=True)
    return lambda *options: subprocess.run([build_dir / "backdraft", "diff", *paths, *options],
                                           check=True, stdout=subprocess.PIPE).stdout


@pytest.fixture
def page(driver, reports, diff):
    made = []

    def open_it(*options):
        path = reports.directory / f"diff{len(options)}{''.join(options).strip('-')}.html"
        path.write_bytes(diff("-f", "html", *options))
        made.append(Page(driver, path))
        return made[-1]

    driver.get_log("browser")
    yield open_it
    errors = [entry["message"] for entry in driver.get_log("browser") if entry["level"] == "SEVERE"]
    assert made and not errors


def parse(text):
    """{stack: [A, B]}"""
    stacks = {}
    for line in text.splitlines():
        stack, a, b = line.rsplit(" ", 2)
        sums = stacks.setdefault(stack, [0, 0])
        sums[0] += int(a)
        sums[1] += int(b)
    return stacks


def changed_of_tables(text):
    """How many rows of each table of the text are more than chance."""
    tables = re.split(r"\n +A % .*\n", text)[1:]
    return [sum(not row.startswith(("~", "  nothing")) and "more" not in row
                for row in table.strip("\n").splitlines()) +
            int((re.search(r"^ +(\d+) more changed", table, re.M) or [0, 0])[1]) for table in tables]


@pytest.mark.parametrize("options", [(), ("--by", "samples"), ("--by", "wait"), ("--thread", "http-worker"),
                                     ("--from", "10", "--to", "30")])
def test_same_as_the_tool(page, diff, options):
    shown = page(*options)
    shown.set("group", "thread")
    assert parse(shown.probe("differenceFolded")) == parse(diff("-f", "folded", *options).decode())
    rows = shown.probe("differences")
    # Marks are in the tables of the text, not of the page.
    if options[:2] != ("--by", "wait"):
        own, total, _ = changed_of_tables(diff(*options).decode())
        assert abs(sum(r["changed"] for r in rows) - own) <= 1 and own > 10
        assert abs(sum(r["totalChanged"] for r in rows) - total) <= 1


def test_colours_follow_the_change(page):
    shown = page()
    shown.js("(window.backdraft.page.applyTheme(), window.backdraft.page.set('theme', 'light'))")
    shown.settle()
    for _, a, b, step, color in shown.js("""(() => { const p = window.backdraft.page, t = p.tree(), out = [];
        for (let i = 1; i < t.n; i++) if (t.total[i] > 0) { const v = p.diff.ofTree(t).value;
            out.push([i, v[0][i], v[1][i], p.diff.nodeStep(t, i), p.frameColor(i)]); }
        return out; })()"""):
        red, _, blue = map(int, re.findall(r"\d+", color))
        assert (step > 0) == (red > blue + 5) and (step > 0 and b > a or step < 0 and b < a or step == 0)
        if not a or not b:
            assert abs(step) in (0, 5)


def test_other_trees_have_the_same_sums(page):
    shown = page()
    for group in ("process", "all", "thread"):
        for reverse in (True, False):
            shown.set("group", group)
            shown.set("reverse", reverse)
            a, b, whole = shown.js("(() => { const p = window.backdraft.page, v = p.diff.ofTree(p.tree()).value;"
                                   " return [v[0][0], v[1][0], p.diff.whole]; })()")
            assert a == b == whole


def test_words(page):
    shown = page()
    assert shown.text("h1") == "What got hotter"
    assert "A checkout" in shown.text(".facts") and "B checkout" in shown.text(".facts")
    assert shown.text(".legend").startswith("gone, or much colder")
    assert not shown.one(".time").is_displayed() and not shown.one(".side").is_displayed()
    frame = max((f for f in shown.probe("visible") if f["kind"] == "native"), key=lambda f: f["w"])
    ActionChains(shown.driver).move_by_offset(0, 0).perform()
    shown.driver.execute_cdp_cmd("Input.dispatchMouseEvent", {
        "type": "mouseMoved", "x": frame["x"] + frame["w"] / 2, "y": frame["y"] + 5})
    shown.settle()
    assert re.search(r"A [\d.]+\u202f% → B [\d.]+\u202f%", shown.text(".tooltip"))
    first = shown.text(".functions .function-row")
    assert re.search(r"[+\u2212][\d.]+(new|gone|[\d.]+×)", first)
    # The unit is the diff's; a key for it would mix the sides.
    shown.js("window.backdraft.page.toggle('by')")
    assert shown.js("window.backdraft.page.state.by") == "cpu"
    shown.js("window.backdraft.page.toggle('colorBy')")
    assert shown.js("window.backdraft.page.state.colorBy") == "kind"
    shown.js("window.backdraft.page.setSearch('checkout')")
    assert shown.text(".match").endswith("%")
