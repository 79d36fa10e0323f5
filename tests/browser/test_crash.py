# SPDX-License-Identifier: BSD-2-Clause
"""The panel of a crash: `make_report crash` says who died where; names in it would like to be markup."""

import re

import pytest
from selenium.webdriver.common.keys import Keys

SENTENCE = "<u>shop</u> died of SIGABRT in work; 62 threads"
NAMES = "pool-<i> (1000), pool-<i> (1001), pool-<i> (1002), pool-<i> (1003) and 46 more"
CHAIN = "<b>spin</b> \u2190 pool_wait \u2190 work"
GROUPS = [
    ["\u25b8 50\u00d7", CHAIN, "45 blocked in futex, 5 running", NAMES],
    ["\u25b8 4\u00d7", "no stack", "blocked in read; it never came by",
     "late (300), late (301), late (302), late (303)"],
    ["\u25b8 1\u00d7", CHAIN, "blocked in read", "</script><b> (201)"],
]
CUT = "the stack is cut here: its callers are not known"

# The report of the page again, changed, with what its writer said of it.
AGAIN = """
const r = window.backdraft.page.profile.report, change = new Function('r', 'o', arguments[0]);
const o = JSON.parse(document.getElementById('backdraft-options').textContent);
r.empty = t => { for (const name of Object.keys(t)) t[name] = name === 'n' ? 0 : t[name].slice(0, 0); };
change(r, o);
Object.assign(window.backdraft, window.backdraft.open(document.getElementById('backdraft-page'), r, o));
"""


@pytest.fixture
def open_crash(open_page, driver):
    """open_crash(change, name) -> Page of the crash, its report changed by a line of JavaScript."""

    def open_it(change="", name="crash"):
        page = open_page(name)
        if change:
            driver.execute_script(AGAIN, change)
        page.settle()
        return page

    return open_it


def shown(page, place):
    """Texts of the rows of a list that are in sight."""
    return page.js(
        "[...document.querySelectorAll(arguments[0] + ' .stack-row:not([hidden])')]"
        ".sort((a, b) => a.dataset.index - b.dataset.index)"
        ".map(row => [...row.children].filter(c => c.tagName !== 'I').map(c => c.textContent))",
        place,
    )


def row_of(page, place, index):
    return page.one(f"{place} .stack-row[data-index='{index}']")


def notes(page):
    return page.js("[...document.querySelectorAll('.crash-notes li')].map(li => li.textContent)")


def marked(page):
    """[index, name] of the rows in sight that say "died here"."""
    return page.js("[...document.querySelectorAll('.crash .stack-row.fault:not([hidden])')]"
                   ".map(row => [row.dataset.index, row.querySelector('.fname').textContent])")


def is_open(page):
    return page.js("[...document.querySelectorAll('.crash')].map(c => c.open && !c.hidden)") == [True]


def test_who_died_and_where(open_crash):
    page = open_crash()
    assert is_open(page)
    assert page.text(".crash-words") == SENTENCE
    assert page.text(".crash-thread") == "thread worker;1 (102)"
    assert page.text(".crash-first h3") == "worker;1 (102) died firstrunning"
    assert shown(page, ".crash-first") == [
        ["#0", "abort", "", "pool.cc:12 \u00b7 app"],
        ["#1", "raise", "", "pool.cc \u00b7 app"],
        ["#2", "std::min<int>", "inlined", "app"],
        ["#3", "work", "died here", "app"],
        ["#4", "libc.so.6+0x2724a", "", "libc.so.6"],
    ]
    assert notes(page) == [
        "4 threads without a stack: it never came by",
        "6 threads without a stack: more than 4,096 threads",
        "1,999 crashes before, only counted: 0123456789abcdef SIGABRT",
    ]
    assert page.text(".crash-registers p") == "rax 0xfffffffffffffffe   rip 0x7f0000001234"


def test_the_sentence_names_what_is_marked(open_crash):
    """Also where names came after the trigger was told."""
    page = open_crash("r.trigger.explanation = '<u>shop</u> died of SIGABRT in app+0x1010; 62 threads'")
    assert page.text(".crash-words") == SENTENCE
    assert marked(page) == [["3", "work"]]


def test_colors_are_those_of_the_graph(open_crash):
    page = open_crash()
    seen = []
    for theme in ("dark", "light"):
        page.set("theme", theme)
        colors = page.js(
            "[...document.querySelectorAll('.crash-first .dot')].map(dot => dot.style.backgroundColor)"
        )
        for index, name in ((2, "std::min<int>"), (3, "work")):
            fn = page.js("window.backdraft.page.profile.functions.name.indexOf(arguments[0])", name)
            color = page.js("window.backdraft.page.functionColor(arguments[0])", fn)
            assert colors[index] == color.replace(",", ", ")
        seen.append(colors[2:4])
    assert seen[0][0] != seen[1][0] and seen[0][1] != seen[1][1]


def test_threads_in_the_same_place(open_crash):
    page = open_crash()
    assert page.text(".crash-others h3") == "55 other threadsin 3 places"
    assert shown(page, ".crash-others") == GROUPS
    row_of(page, ".crash-others", 0).click()
    assert shown(page, ".crash-others")[:7] == [
        ["\u25be 50\u00d7", *GROUPS[0][1:]],
        ["#0", "<b>spin</b>", "", "pool.cc:51 \u00b7 app"],
        ["#1", "pool_wait", "", "pool.cc:40 \u00b7 app"],
        ["#2", "work", "", "app"],
        ["", "[unwind: mapping]", CUT, ""],
        ["", "pool-<i> (1000)", "running", "stack taken 1.50\u202f\u00b5s after the first"],
        ["", "pool-<i> (1001)", "blocked in futex", "stack taken 3.00\u202f\u00b5s after the first"],
    ]
    assert page.js("document.querySelectorAll('.crash-others .cut .hatched').length") == 1
    assert row_of(page, ".crash-others", 0).get_attribute("aria-expanded") == "true"
    # Names are text: no element comes of them.
    assert page.js("document.querySelectorAll('main b:not(.why b), main u, .crash i:not(.dot)').length") == 0
    row_of(page, ".crash-others", 0).click()
    assert shown(page, ".crash-others") == GROUPS


def test_by_keyboard(open_crash):
    page = open_crash()
    tree = page.one(".crash-others .stack-list")

    def rows():
        return page.js("window.backdraft.page.crash.lists[1].items.length")

    def at():
        return int(tree.get_attribute("aria-activedescendant").rsplit("-", 1)[1])

    tree.send_keys(Keys.ARROW_DOWN, Keys.ARROW_DOWN, Keys.ARROW_DOWN)
    assert (at(), rows()) == (2, 3)
    tree.send_keys(Keys.ENTER)
    assert (at(), rows()) == (2, 3 + 4 + 1), "four frames, one thread"
    tree.send_keys(Keys.ARROW_DOWN, Keys.ARROW_DOWN, Keys.ARROW_LEFT)
    assert (at(), rows()) == (2, 3)
    tree.send_keys(Keys.HOME, Keys.ARROW_RIGHT, Keys.END)
    assert (at(), rows()) == (3 + 4 + 50 - 1, 3 + 4 + 50)
    selected = page.js("[...document.querySelectorAll('.crash [aria-selected=true] .fname')].map(e => e.textContent)")
    assert selected == [CHAIN]
    first = page.one(".crash-first .stack-list")
    first.send_keys(Keys.HOME, *[Keys.ARROW_DOWN] * 3, Keys.ENTER)
    page.settle()
    assert page.probe("selected") == "work"


def test_a_frame_leads_to_the_graph(open_crash):
    page = open_crash()
    row_of(page, ".crash-first", 2).click()
    page.settle()
    assert page.probe("selected") == "std::min<int>"
    node = page.js("window.backdraft.page.flame.selected")
    assert page.probe("value", node) == 20000200, "the largest of that function"
    assert page.js("document.querySelectorAll('.crash-first .there').length") == 3
    row_of(page, ".crash-first", 0).click()
    assert page.text(".detail-text") == "abort is not in the flame graph that is shown"
    assert page.probe("selected") == "std::min<int>"
    # Sampled, but not in the part that is shown.
    page.js("window.backdraft.page.strip.set([1.4e9, 2e9])")
    page.settle()
    row_of(page, ".crash-first", 3).click()
    assert page.text(".detail-text") == "work is not in the flame graph that is shown"


@pytest.mark.parametrize(
    "change, opened, words",
    [
        ("r.trigger.kind = 'oom'; r.trigger.explanation = 'no <b>memory</b>'; delete o.crash", True, "no <b>memory</b>"),
        ("r.trigger.kind = 'deviation'; r.trigger.explanation = 'busy'", False, SENTENCE),
        ("r.trigger.kind = 'capture'; r.command.name = 'shop'", True, SENTENCE),
        ("r.trigger.kind = 'oom'; r.trigger.explanation = ''; r.dump.tid = 0; r.empty(r.dump.threads)", True,
         SENTENCE),
    ],
)
def test_open_where_the_death_is_what_it_is_about(open_crash, change, opened, words):
    page = open_crash(change)
    assert is_open(page) == opened
    assert page.text(".crash-words") == words
    if not opened:
        assert page.js("document.querySelectorAll('.stack-row').length") == 0, "made when it is opened"
        page.one(".crash > summary").click()
        page.wait("document.querySelectorAll('.stack-row:not([hidden])').length === 5 + 3")


def test_a_living_process(open_crash):
    page = open_crash(
        "r.trigger.kind = 'manual'; r.dump.tid = r.dump.signal = 0; r.death.kind = 'none';"
        "r.death.process = 'x<b>'; r.death.pid = 7; r.dump.left_out = [['no sample hit it', 1]]; r.dump.counted = [];"
    )
    assert is_open(page)
    assert page.text(".crash h2") == "Threads"
    assert page.text(".crash-words") == "all stacks of x<b> (7), which lives on; 62 threads"
    assert page.text(".crash-others h3") == "56 threadsin 4 places"
    assert notes(page) == ["1 thread without a stack: no sample hit it"]
    assert [row[0] for row in shown(page, ".crash-others")] == [
        "\u25b8 50\u00d7", "\u25b8 4\u00d7", "\u25b8 1\u00d7", "\u25b8 1\u00d7"]


def test_no_dump_no_panel(open_page):
    page = open_page("shop")
    assert page.js("document.querySelector('.crash').hidden")
    assert page.js("document.querySelectorAll('.stack-row').length") == 0


def test_thousands_of_threads_and_a_deep_recursion(open_crash):
    page = open_crash(name="crash-large")
    assert page.text(".crash-words") == "<u>shop</u> died of SIGABRT in work; 4096 threads"
    assert page.text(".crash-others h3") == "4,089 other threadsin 3 places"
    row_of(page, ".crash-others", 0).click()
    tree = page.one(".crash-others .stack-list")
    tree.send_keys(Keys.END, Keys.ARROW_UP, Keys.ARROW_UP)
    thread = shown(page, ".crash-others")[-3]
    assert thread[1:3] == ["pool-<i> (5083)", "blocked in futex"]
    page.one(".crash-first .stack-list").send_keys(Keys.END)
    assert shown(page, ".crash-first")[-1][:2] == ["#20003", "libc.so.6+0x2724a"]
    assert marked(page) == []
    page.one(".crash-first .stack-list").send_keys(Keys.HOME)
    assert marked(page) == [["3", "work"]], "of a recursion the last call"
    assert page.js("document.querySelectorAll('.stack-row').length") < 60, "only those in sight"


def strips(page):
    """Of each strip the name, the total, the label, and the boxes of bars and of gaps: x, height, end."""
    rows = page.js(
        "[...document.querySelectorAll('.seconds-row')].map(r => [r.querySelector('.name').textContent,"
        "r.querySelector('.num').textContent, r.querySelector('svg').getAttribute('aria-label'),"
        "r.querySelector('.seconds-bar').getAttribute('d'), r.querySelector('.seconds-gap').getAttribute('d')])")
    for row in rows:
        for k in (3, 4):
            row[k] = [tuple(round(float(v)) for v in box)
                      for box in re.findall(r"M(\S+) 20v-?(\S+)H(\S+)V20z", row[k])]
    return rows


def test_seconds_of_the_threads(open_crash):
    page = open_crash("r.strings[r.threads.name[1]] = 'a<b>c'")
    assert page.js("[...document.querySelectorAll('.seconds')].map(s => s.open && !s.hidden)") == [True]
    assert strips(page) == [
        ["a<b>c", "500\u202fms", "a<b>c (101): 500\u202fms on a CPU, most in the second from 1.0 s: 100\u202f% of a CPU",
         [(500, 20, 750)], [(0, 20, 500)]],
        ["main", "375\u202fms", "main (100): 375\u202fms on a CPU, most in the second from 1.5 s: 50.0\u202f% of a CPU",
         [(500, 5, 750), (750, 10, 1000)], [(0, 20, 500)]],
    ]
    assert page.text(".seconds-rest") == "40.0\u202fms in other threads"
    assert page.text(".seconds summary").endswith("of 1.00\u202fs of the window nothing is known (grey)")
    page.set("theme", "light")
    assert page.one(".seconds-row svg").size["width"] > 400


def test_a_second_of_the_series_without_a_row_is_known(open_crash):
    change = "r.series = {n: 1, t_ns: [Number(r.window.start_ns) + 1e9]};"
    page = open_crash(change)
    assert strips(page)[0][4] == []
    assert page.text(".seconds summary").endswith("the height of a strip is a CPU")
    # But not where the first ones had no room.
    page = open_crash(change + "r.loss.reasons.push(['thread seconds: no room for the oldest ones', 3])")
    assert strips(page)[0][4] == [(0, 20, 500)]


def test_many_threads_have_few_strips(open_crash):
    page = open_crash(
        "const t = r.thread_seconds, th = r.threads, n = 40, start = th.n;"
        "for (const c of Object.keys(th)) if (c !== 'n') th[c] = Array.from({length: start + n}, (_, i) => th[c][Math.min(i, start - 1)]);"
        "th.n += n; for (const c of Object.keys(t)) if (c !== 'n') t[c] = Array.from({length: 4 + n}, (_, i) => t[c][Math.min(i, 3)]);"
        "t.n += n; for (let i = 0; i < n; i++) t.thread[4 + i] = start + i, t.on_cpu_us[4 + i] = 1000;")
    assert len(strips(page)) == 12
    assert page.text(".seconds-rest") == "70.0\u202fms in other threads"


def test_no_seconds_no_panel(open_crash):
    page = open_crash("r.empty(r.thread_seconds)")
    assert page.js("document.querySelector('.seconds').hidden")
