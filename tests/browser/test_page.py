# SPDX-License-Identifier: BSD-2-Clause
"""The page in a browser: what it shows is compared with `backdraft export -f folded`."""

import re
import subprocess

import pytest
from selenium.webdriver.common.action_chains import ActionChains
from selenium.webdriver.common.keys import Keys

from conftest import frames_of, parse_folded, plain

HANDLE = "checkout::http::Session::handle(checkout::Request const&)"
HOT = "checkout::pricing::Matrix::recompute(checkout::pricing::Quote const&)"
SHARE = r"([\d.]+)\u202f%"


def microseconds(page):
    return page.probe("total") / 1000


def near(expected):
    """The sum of folded values; the page rounds each stack, export the running sums of a thread."""
    return pytest.approx(sum(expected.values()), abs=len(expected))


def assert_same_stacks(page, expected):
    shown = parse_folded(page.probe("folded"))
    for stack in expected.keys() | shown.keys():
        assert abs(expected.get(stack, 0) - shown.get(stack, 0)) <= 3, stack


def move_to(page, x, y):
    page.driver.execute_cdp_cmd("Input.dispatchMouseEvent", {"type": "mouseMoved", "x": x, "y": y})


def click_frame(page, name):
    frame = page.frame(name)
    at = {"x": frame["x"] + frame["w"] / 2, "y": frame["y"] + frame["h"] / 2}
    for kind in ("mousePressed", "mouseReleased"):
        event = {"type": kind, "button": "left", "clickCount": 1, **at}
        page.driver.execute_cdp_cmd("Input.dispatchMouseEvent", event)
    page.settle()


def press(page, *keys):
    for key in keys:
        ActionChains(page.driver).send_keys(key).perform()
    page.settle()


def focus(page, selector):
    page.js("document.querySelector(arguments[0]).focus()", selector)


def search(page, text):
    box = page.one(".search")
    box.clear()
    box.send_keys(text)
    page.settle()


def brush_of(page):
    brush = page.js("window.backdraft.page.state.brush")
    return brush and [round(ns) / 1e9 for ns in brush]


def drag_strip(page, start, end):
    """Drags over the strip of time, from and to parts of the window; returns the brush in s."""
    plot = page.js("window.backdraft.page.strip.plot")
    strip = page.one(".strip")
    middle = strip.size["width"] / 2
    at = [
        round(plot["left"] + part * (plot["right"] - plot["left"]) - middle) for part in (start, end)
    ]
    chain = ActionChains(page.driver, duration=30)
    chain.move_to_element_with_offset(strip, at[0], 0).click_and_hold()
    chain.move_to_element_with_offset(strip, (at[0] + at[1]) // 2, 0)
    chain.move_to_element_with_offset(strip, at[1], 0).release().perform()
    page.settle()
    return brush_of(page)


# --- numbers


def test_totals_are_those_of_export(open_page, folded):
    page, expected = open_page("shop"), folded("shop")
    page.set("group", "thread")
    assert microseconds(page) == near(expected)
    assert_same_stacks(page, expected)


def test_samples(open_page, folded):
    page, expected = open_page("shop"), folded("shop", "--by", "samples")
    page.set("group", "thread")
    page.set("by", "samples")
    assert page.probe("total") == sum(expected.values())
    assert parse_folded(page.probe("folded")) == expected


def test_waiting(open_page, folded):
    page = open_page("shop", "--by", "wait", "--from", "12.345")
    expected = folded("shop", "--by", "wait", "--from", "12.345")
    page.set("group", "thread")
    assert microseconds(page) == near(expected)
    assert_same_stacks(page, expected)
    page.js("window.backdraft.page.strip.set(null)")
    assert microseconds(page) == near(folded("shop", "--by", "wait"))
    assert page.probe("functions") == []


def test_every_way_to_look_has_the_same_total(open_page):
    page = open_page("shop")
    total = page.probe("total")
    for group in ("thread", "process", "all"):
        for reverse in (True, False):
            page.set("group", group)
            page.set("reverse", reverse)
            assert page.probe("total") == total, (group, reverse)


def test_reverse_begins_at_the_leaves(open_page, folded):
    page, expected = open_page("shop"), folded("shop")
    leaf = "sha256_block_data_order_avx2"
    page.set("group", "all")
    page.set("reverse", True)
    node = page.probe("find", leaf)
    wanted = {stack: v for stack, v in expected.items() if stack[-1] == leaf}
    assert page.js("window.backdraft.page.tree().depth[arguments[0]]", node) == 1
    assert page.probe("value", node) / 1000 == near(wanted)


# --- zoom and selection


def test_zoom_by_click_and_back(open_page):
    page = open_page("shop")
    width = page.js("document.querySelector('.flame-canvas').clientWidth")
    click_frame(page, "postgres")
    assert page.probe("zoomed") == "postgres"
    assert page.frame("postgres")["w"] == pytest.approx(width, abs=1)
    assert not [f for f in page.probe("visible") if f["name"] == "checkout" and f["w"] > 1]
    click_frame(page, "exec_simple_query")
    assert page.frame("exec_simple_query")["w"] == pytest.approx(width, abs=1)
    focus(page, ".flame")
    press(page, Keys.BACKSPACE)
    assert page.probe("zoomed") == "postgres"
    page.button("Reset zoom").click()
    page.settle()
    assert page.probe("view") == [0, 1]
    assert not page.button("Reset zoom").is_enabled()


def test_zoom_by_keyboard(open_page):
    page = open_page("shop")
    focus(page, ".flame")
    press(page, Keys.ARROW_UP)
    assert page.probe("selected") == "checkout"
    press(page, Keys.ARROW_RIGHT)
    assert page.probe("selected") == "postgres"
    press(page, Keys.ARROW_LEFT, Keys.ARROW_UP, Keys.ENTER)
    assert page.probe("zoomed") == "libc.so.6+0x1098e4"
    press(page, Keys.ARROW_DOWN, Keys.ARROW_DOWN)
    assert page.probe("selected") == "all"
    press(page, "i", Keys.ARROW_DOWN)
    assert page.probe("selected") == "checkout", "in an icicle the callees are below"
    press(page, Keys.ESCAPE, Keys.ESCAPE)
    assert page.probe("view") == [0, 1]


def test_selected_frame_is_said(open_page):
    page = open_page("shop")
    click_frame(page, "exec_simple_query")
    assert "exec_simple_query" in page.text("[aria-live]")
    detail = page.text(".detail")
    assert "exec_simple_query" in detail and "postgres" in detail and "samples" in detail


def test_tooltip(open_page):
    page = open_page("shop")
    frame = page.frame("exec_simple_query")
    move_to(page, frame["x"] + 20, frame["y"] + 8)
    page.wait("!document.querySelector('.tooltip').hidden")
    text = page.text(".tooltip")
    assert "exec_simple_query" in text and "/usr/lib/postgresql/15/bin/postgres" in text
    assert re.search(r"[\d.]+\u202fs \u00b7 " + SHARE + " of all", text)


# --- search


@pytest.mark.parametrize("pattern", ["Matrix", "^tcp_", "memmove|malloc$", "pricing::.*row"])
def test_search_counts_a_stack_once(open_page, folded, pattern):
    page, expected = open_page("shop"), folded("shop")
    search(page, pattern)
    names = re.compile(pattern, re.IGNORECASE)
    wanted = {
        stack: v
        for stack, v in expected.items()
        if any(names.search(name) for name in (stack[0], *frames_of(stack)))
    }
    assert wanted
    assert page.probe("matched") / 1000 == near(wanted)
    share = 100 * sum(wanted.values()) / sum(expected.values())
    shown = float(re.match(SHARE, page.text(".match")).group(1))
    assert shown == pytest.approx(share, abs=0.06)


def test_search_by_keys(open_page):
    page = open_page("shop")
    focus(page, ".flame")
    press(page, "/")
    assert page.js("document.activeElement.className") == "search"
    press(page, "recompute", Keys.ENTER)
    assert page.probe("selected") == HOT
    press(page, Keys.ESCAPE)
    assert page.js("window.backdraft.page.state.matched") is None
    ActionChains(page.driver).key_down(Keys.CONTROL).send_keys("f").key_up(Keys.CONTROL).perform()
    assert page.js("document.activeElement.className") == "search"


def test_bad_expression_says_so_and_keeps_the_page(open_page):
    page = open_page("shop")
    search(page, "Matrix(")
    assert "error" in page.one(".match").get_attribute("class")
    assert page.one(".search").get_attribute("aria-invalid") == "true"
    search(page, "recompute\\(")
    assert "error" not in page.one(".match").get_attribute("class")
    assert page.probe("matched") > 0


def test_matches_are_highlighted(open_page, driver):
    page = open_page("shop")
    frame = page.frame("exec_simple_query")

    def color():
        return driver.execute_script(
            """const [x, y] = arguments, canvas = document.querySelector('.flame-canvas');
            const box = canvas.getBoundingClientRect(), context = canvas.getContext('2d');
            return Array.from(context.getImageData(x - box.left, y - box.top, 1, 1).data);""",
            frame["x"] + frame["w"] - 6,
            frame["y"] + 3,
        )

    before = color()
    search(page, "exec_simple_query")
    red, green, blue, _ = color()
    assert color() != before
    assert red > 200 and green < 150 and blue > 120, "a match is pink"


# --- time


def test_brush_restricts_everything(open_page, folded, driver):
    page = open_page("shop")
    page.set("group", "thread")
    whole = page.probe("total")
    start, end = drag_strip(page, 0.2, 0.45)
    assert 11 < start < 13 and 26 < end < 28
    expected = folded("shop", "--from", repr(start), "--to", repr(end))
    assert microseconds(page) == near(expected)
    assert page.probe("total") < 0.5 * whole
    assert_same_stacks(page, expected)
    in_part = {plain(frame) for stack in expected for frame in stack}
    rows = page.probe("functions")
    assert len(rows) > 100 and {row["name"] for row in rows} <= in_part
    used = {}
    for stack, value in expected.items():
        used[stack[0]] = used.get(stack[0], 0) + value
    names = page.js("Array.from(document.querySelectorAll('.thread-row:not(.is-thread) .name'))"
                    ".map(e => e.textContent)")
    assert names[0] == max(used, key=used.get)
    ActionChains(driver).double_click(page.one(".strip")).perform()
    page.settle()
    assert page.probe("total") == whole


def test_brush_by_its_handles_and_keys(open_page):
    page = open_page("shop")
    start, _ = drag_strip(page, 0.3, 0.6)
    moved = drag_strip(page, 0.6, 0.8)
    assert moved[0] == pytest.approx(start) and moved[1] == pytest.approx(48, abs=0.5)
    moved = drag_strip(page, 0.5, 0.4)
    assert moved[0] == pytest.approx(start - 6, abs=0.3)
    assert moved[1] - moved[0] == pytest.approx(48 - start, abs=0.5), "moving keeps the length"
    focus(page, ".strip")
    press(page, Keys.ARROW_RIGHT)
    assert brush_of(page)[0] == pytest.approx(moved[0] + 60 / 50)
    press(page, Keys.DELETE)
    assert brush_of(page) is None


def test_what_export_was_asked_for_is_seen_first(open_page, folded):
    options = ["--from", "10", "--to", "20", "--thread", "http-worker-[12]", "--by", "samples"]
    page, expected = open_page("shop", *options), folded("shop", *options)
    page.set("group", "thread")
    assert page.probe("total") == sum(expected.values())
    assert parse_folded(page.probe("folded")) == expected


@pytest.mark.parametrize(
    "options", [["--thread", "worker("], ["--from", "61"], ["--by", "off-cpu"]]
)
def test_what_cannot_be_shown_is_an_error(reports, options):
    with pytest.raises(subprocess.CalledProcessError) as error:
        reports.export("shop", "-f", "html", *options)
    assert error.value.returncode == 2


# --- threads


def thread_rows(page):
    rows = page.driver.find_elements("css selector", ".thread-row")
    return {r.find_element("css selector", ".name").text: r for r in rows if r.is_displayed()}


def tick_box(page, name):
    return thread_rows(page)[name].find_element("css selector", "input")


def test_ticks(open_page, folded):
    page, expected = open_page("shop"), folded("shop")

    def without(*names):
        return {s: v for s, v in expected.items() if not {s[0], s[1]} & set(names)}

    tick_box(page, "postgres").click()
    page.settle()
    assert microseconds(page) == near(without("postgres"))
    tick_box(page, "http-worker-2").click()
    page.settle()
    assert microseconds(page) == near(without("postgres", "http-worker-2"))
    assert tick_box(page, "checkout").get_property("indeterminate")
    page.button("None").click()
    page.settle()
    assert page.probe("total") == 0
    page.button("All").click()
    page.settle()
    assert microseconds(page) == near(expected)


def test_only_and_filter(open_page, folded, driver):
    page, expected = open_page("shop"), folded("shop")
    box = page.one(".panel-tools input")
    box.send_keys("log-wr")
    assert set(thread_rows(page)) == {"checkout"}
    row = thread_rows(page)["checkout"]
    ActionChains(driver).move_to_element(row).perform()
    row.find_element("css selector", ".only").click()
    page.settle()
    assert microseconds(page) == near({s: v for s, v in expected.items() if s[1] == "log-writer"})
    box.send_keys(Keys.BACKSPACE * 6)
    assert len(thread_rows(page)) > 5


def test_thread_times_are_exact(open_page):
    page = open_page("shop")
    exact = page.js("Array.from(window.backdraft.page.profile.threads.on_cpu_ns)")
    assert page.js("Array.from(window.backdraft.page.tree().threadNs)") == exact
    assert len(exact) == 16 and min(exact) > 0


# --- functions


def test_table_of_functions(open_page, folded):
    page, expected = open_page("shop"), folded("shop")
    own, total = {}, {}
    for stack, value in expected.items():
        frames = frames_of(stack)
        own[frames[-1]] = own.get(frames[-1], 0) + value
        for name in set(frames):
            total[name] = total.get(name, 0) + value
    rows = page.probe("functions")
    names = [row["name"] for row in rows]
    assert [r["self"] for r in rows] == sorted((r["self"] for r in rows), reverse=True)
    compared = [row for row in rows if names.count(row["name"]) == 1]
    assert len(compared) > 500
    for row in compared:
        assert row["self"] / 1000 == pytest.approx(own.get(row["name"], 0), abs=200), row
        assert row["total"] / 1000 == pytest.approx(total[row["name"]], abs=200), row
    page.button("Total").click()
    rows = page.probe("functions")
    assert [r["total"] for r in rows] == sorted((r["total"] for r in rows), reverse=True)


def test_callers_and_callees(open_page, folded):
    page, expected = open_page("shop"), folded("shop")
    search(page, "Router::dispatch")
    page.one(".functions .function-row").click()
    shown = page.probe("neighbours")
    callers, callees = {}, {}
    for stack, value in expected.items():
        frames = frames_of(stack)
        for caller, callee in set(zip(frames, frames[1:])):
            if callee.startswith("checkout::Router::dispatch"):
                callers[caller] = callers.get(caller, 0) + value
            if caller.startswith("checkout::Router::dispatch"):
                callees[callee] = callees.get(callee, 0) + value
    assert HANDLE in callers and HOT in callees
    for side, wanted in (("callers", callers), ("callees", callees)):
        assert {n["name"] for n in shown[side]} == wanted.keys()
        for n in shown[side]:
            assert n["value"] / 1000 == pytest.approx(wanted[n["name"]], abs=500), n
    page.one(".neighbour-list button.neighbour").click()
    assert page.text(".focus-name") == shown["callers"][0]["name"], "a caller can be clicked"


def test_table_scrolls_by_keyboard(open_page):
    page = open_page("shop")
    focus(page, ".functions")
    press(page, Keys.ARROW_DOWN, Keys.ARROW_DOWN, Keys.END)
    assert page.text(".focus-name") == page.probe("functions")[-1]["name"]
    assert page.js("document.querySelectorAll('.function-row').length") < 200, "only those in sight"


# --- how it looks


def background(page):
    return page.js("getComputedStyle(document.body).backgroundColor")


def test_light_and_dark(open_page, driver):
    page = open_page("shop")
    light = background(page)
    page.button("Dark").click()
    assert background(page) != light
    assert page.js("document.documentElement.dataset.theme") == "dark"
    dark = {"features": [{"name": "prefers-color-scheme", "value": "dark"}]}
    driver.execute_cdp_cmd("Emulation.setEmulatedMedia", dark)
    page = open_page("shop")
    assert page.js("document.documentElement.dataset.theme") == "dark", "as the system prefers"


def screen(driver, width, ratio):
    metrics = {"width": width, "height": 900, "deviceScaleFactor": ratio, "mobile": False}
    driver.execute_cdp_cmd("Emulation.setDeviceMetricsOverride", metrics)


def test_crisp_on_dense_screens(open_page, driver):
    screen(driver, 1200, 2)
    page = open_page("shop")
    canvas = page.one(".flame-canvas")
    assert canvas.get_property("width") == 2 * canvas.get_property("clientWidth")


@pytest.mark.parametrize("width", [480, 820, 1000])
def test_narrow_screen_has_no_sideways_scroll(open_page, driver, width):
    screen(driver, width, 1)
    page = open_page("shop")
    assert page.js("document.documentElement.scrollWidth") <= width
    assert page.frame("checkout")["w"] > 200


def test_cut_stacks_are_said_and_seen(open_page, folded):
    page, expected = open_page("shop"), folded("shop", "--by", "samples")
    cut = {s: v for s, v in expected.items() if any(f.startswith("[unwind: ") for f in s)}
    assert cut
    assert re.search(SHARE + " of user stacks cut", page.text(".facts"))
    search(page, r"^\[unwind: ")
    page.set("by", "samples")
    assert page.probe("matched") == sum(cut.values())
    assert page.js("document.querySelector('.dot.hatched') !== null")


def test_help_lists_the_keys(open_page):
    page = open_page("shop")
    focus(page, ".flame")
    press(page, "?")
    assert page.one(".help").get_property("open")
    assert "regular expression" in page.text(".help")
    press(page, Keys.ESCAPE)
    assert not page.one(".help").get_property("open")


# --- speed


def test_smooth_at_100000_stacks(open_page):
    page = open_page("large")
    assert page.js("new Set(window.backdraft.page.profile.samples.stack).size") >= 100000
    assert page.probe("redrawMs", 20) < 30
    page.js("window.backdraft.page.flame.zoom(window.backdraft.find('checkout'))")
    page.settle()
    page.js("window.backdraft.page.flame.element.scrollTop -= 200")
    page.settle()
    assert page.probe("redrawMs", 20) < 30
    search(page, "Matrix")
    assert page.probe("redrawMs", 20) < 30
