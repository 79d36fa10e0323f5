# SPDX-License-Identifier: BSD-2-Clause
"""Reports at the edges, opened as another page would: window.backdraft.open(element, report)."""

import pytest

from conftest import Page

# A report of one thread whose columns a test changes; what is not given is empty.
OPEN = """
const change = new Function('r', arguments[0]);
const table = columns => Object.assign({ n: Object.values(columns)[0].length }, columns);
const u = (...v) => Uint32Array.from(v), w = (...v) => Float64Array.from(v), i = (...v) => Int32Array.from(v);
const r = {
	schema: 'backdraft.report/1', window: { start_ns: 0, trigger_ns: 0, end_ns: 1e9, rate_hz: 99, event: '' },
	host: { cpus: 2, label: '' }, client: { name: '' }, command: { name: '' }, machine: {}, unwind: {}, loss: {},
	trigger: { kind: 'capture', explanation: '' }, incomplete: false, strings: ['', 'burn', 'native', 'worker'],
	threads: table({ pid: u(7), tid: u(8), process: u(3), name: u(3), on_cpu_ns: w(5e8), wait_ns: w(0),
		not_sampled_ns: w(0), switches_voluntary: w(0), switches_involuntary: w(0) }),
	modules: table({ path: u(1) }),
	frames: table({ name: u(1), module: i(0), kind: u(2), file: u(0), line: u(0) }),
	stacks: table({ parent: i(-1), frame: u(0) }),
	samples: table({ t_ns: w(1e8), thread: u(0), stack: i(0), weight_ns: w(5e8), cpu: u(0) }),
	timeline: table({ thread: u(0), slot: u(10), on_cpu_us: u(500000), wait_us: u(0) }),
};
r.empty = t => { for (const name of Object.keys(t)) t[name] = name === 'n' ? 0 : t[name].slice(0, 0); };
change(r);
Object.assign(window.backdraft, window.backdraft.open(document.getElementById('backdraft-page'), r));
"""


@pytest.fixture
def open_report(driver, reports):
    def open_it(change):
        page = Page(driver, reports.html("shop"))
        driver.execute_script(OPEN, change)
        page.settle()
        for step in ("'group', 'thread'", "'reverse', true", "'by', 'samples'", "'by', 'cpu'"):
            driver.execute_script(f"window.backdraft.page.set({step})")
        page.settle()
        page.set("reverse", False)
        return page

    driver.get_log("browser")
    yield open_it
    errors = [entry["message"] for entry in driver.get_log("browser") if entry["level"] == "SEVERE"]
    assert not errors


def test_one_sample(open_report):
    page = open_report("")
    assert page.probe("total") == 5e8
    assert page.probe("folded") == "worker;worker;burn 500000\n"
    assert "Machine" in page.text("h1")


def test_idle_machine(open_report):
    page = open_report("r.empty(r.samples); r.empty(r.stacks); r.empty(r.timeline);")
    assert page.probe("total") == 5e8
    assert page.probe("folded") == "worker;worker;[not sampled] 500000\n"


def test_nothing_at_all(open_report):
    page = open_report(
        "for (const t of ['threads', 'modules', 'frames', 'stacks', 'samples', 'timeline'])"
        " r.empty(r[t]); r.host.cpus = 0; r.window.end_ns = 0;"
    )
    assert page.probe("total") == 0
    assert page.probe("functions") == []


def test_lost_stack_and_unknown_kind(open_report):
    page = open_report(
        "r.strings.push('python', 'main.py:f'); r.frames.kind[0] = 4; r.frames.name[0] = 5;"
        "r.samples.n = 2; r.samples.t_ns = Float64Array.of(1, 2); r.samples.cpu = Uint32Array.of(0, 0);"
        "r.samples.thread = Uint32Array.of(0, 0); r.samples.stack = Int32Array.of(-1, 0);"
        "r.samples.weight_ns = Float64Array.of(2e8, 3e8);"
    )
    lines = page.probe("folded").splitlines()
    assert sorted(lines) == ["worker;worker;[stack lost] 200000", "worker;worker;main.py:f 300000"]


def test_very_deep_recursion_counts_once(open_report):
    page = open_report(
        "r.stacks.n = 9000; r.stacks.parent = Int32Array.from({length: 9000}, (_, k) => k - 1);"
        "r.stacks.frame = new Uint32Array(9000); r.samples.stack[0] = 8999;"
    )
    assert page.js("window.backdraft.page.tree().maxDepth") == 4096
    assert page.probe("folded").rstrip().endswith(";[deeper] 500000")
    rows = page.probe("functions")
    assert [(row["name"], row["total"]) for row in rows] == [("burn", 5e8)]


def test_many_threads(open_report):
    page = open_report(
        "const n = 4096, fill = (a, v) => a.constructor.from({length: n}, (_, k) => v(k));"
        "r.threads.n = n; for (const c of Object.keys(r.threads)) if (c !== 'n')"
        " r.threads[c] = fill(r.threads[c], k => c === 'tid' ? 100 + k : c === 'on_cpu_ns' ? 1000 + k"
        " : r.threads[c][0]);"
        "r.empty(r.samples); r.empty(r.timeline);"
    )
    assert page.probe("total") == sum(1000 + k for k in range(4096))
    assert page.js("document.querySelectorAll('.thread-row').length") < 100, "only those in sight"


LOGS = """
const u = (...v) => Uint32Array.from(v), w = (...v) => Float64Array.from(v);
r.strings.push('/var/log/app.log', 'first <b>', 'second', 'read', '/x', 'no permission', 'no time');
r.window = { start_ns: '1795627260000000000', trigger_ns: '1795627260600000000', end_ns: '1795627261000000000' };
r.logs = { n: 3, t_ns: w(0, 1795627259.5e9, 1795627260.25e9), source: u(4, 4, 4), text: u(10, 5, 6) };
r.log_sources = { n: 2, path: u(4, 8), state: u(7, 9), note: u(0, 0), lines: u(3, 0), lines_left_out: w(1200, 0),
	bytes_left_out: w(0, 0), lines_cut: u(0, 0), bytes_replaced: w(0, 0) };
"""


def test_log(open_report):
    page = open_report(LOGS)
    assert page.text(".logs summary .muted") == "3 lines of 1 file"
    notes = page.js("[...document.querySelectorAll('.log-notes li')].map(li => li.textContent)")
    assert notes == ["/var/log/app.log: read, 1,200 lines left out", "/x: no permission"]
    assert not page.js("document.querySelector('.logs').open")
    page.one(".logs summary").click()
    page.wait("document.querySelectorAll('.log-row:not([hidden])').length === 3")
    rows = page.js("[...document.querySelectorAll('.log-row')].map(r => [...r.children].map(c => c.textContent))")
    assert rows == [["", "app.log", "no time"], ["-0.500", "app.log", "first <b>"],
                    ["0.250", "app.log", "second"]]
    # A click marks the moment; a line without a time marks none.
    for row, mark in ((2, 2.5e8), (0, None), (1, -5e8)):
        page.driver.find_elements("css selector", ".log-row")[row].click()
        found = page.js("window.backdraft.page.state.mark")
        # Times since the epoch are doubles here.
        assert found is mark if mark is None else abs(found - mark) < 1000
        assert page.js("document.querySelectorAll('.log-row[aria-selected=true]').length") == 1
    page.one(".log-lines").send_keys("\ue015")  # arrow down
    assert abs(page.js("window.backdraft.page.state.mark") - 2.5e8) < 1000
    # It stands where the line was written, over the picture.
    pixels = """(() => {
        const s = window.backdraft.page.strip, ratio = s.canvas.width / s.element.clientWidth;
        const x = Math.round(s.xOf(2.5e8)), data = s.context.getImageData((x - 1) * ratio, (s.plot.top - 4) * ratio,
            3 * ratio, (s.plot.bottom - s.plot.top) * ratio).data;
        return Array.from(data).join();
    })()"""
    marked = page.js(pixels)
    page.one(".log-lines").send_keys("\ue00c")  # escape
    assert page.js("window.backdraft.page.state.mark") is None
    assert page.js(pixels) != marked


def test_log_of_a_crash_is_open(open_report):
    page = open_report(LOGS + "r.trigger.kind = 'crash';")
    assert page.js("document.querySelector('.logs').open")


def test_no_log(open_report):
    page = open_report("")
    assert page.js("document.querySelector('.logs').hidden")


# The time line as a burst has it: nothing of it before the trigger, in the middle of the window.
BURST = """
const r = window.backdraft.page.profile.report, half = window.backdraft.page.profile.durationNs / 2, t = r.timeline;
const kept = [...t.slot.keys()].filter(i => t.slot[i] * 10e6 >= half);
for (const name of Object.keys(t))
    if (name !== 'n')
        t[name] = t[name].constructor.from(kept, i => t[name][i]);
t.n = kept.length;
const o = JSON.parse(document.getElementById('backdraft-options').textContent);
Object.assign(window.backdraft, window.backdraft.open(document.getElementById('backdraft-page'), r, o));
"""
HEIGHTS = """(() => {
    const strip = window.backdraft.page.strip, n = 20, sums = strip.columns(n), k = sums.length / n;
    return Array.from({length: n}, (_, i) => sums.slice(i * k, (i + 1) * k).reduce((a, b) => a + b, 0));
})()"""
# Of each tenth of the strip, how much of its area is painted in the colours of series.
PAINTED = """(() => {
    const strip = window.backdraft.page.strip, {left, right, top, bottom} = strip.plot, c = strip.canvas;
    const ratio = c.width / strip.element.clientWidth, image = c.getContext('2d');
    return Array.from({length: 10}, (_, i) => {
        const w = Math.floor((right - left) / 10 * ratio), h = Math.floor((bottom - top - 4) * ratio);
        const data = image.getImageData((left + i * (right - left) / 10) * ratio + 2, (top + 2) * ratio, w - 4, h).data;
        let n = 0;
        for (let p = 3; p < data.length; p += 4)
            n += data[p] > 200;
        return n / (data.length / 4);
    });
})()"""


def test_strip_before_the_first_slot(open_page, driver):
    """What came before a trigger has samples and no time line: they have the heights that it would have had."""
    page = open_page("shop")
    page.settle()
    exact, painted = page.js(HEIGHTS), page.js(PAINTED)
    driver.execute_script(BURST)
    page.settle()
    mixed, again = page.js(HEIGHTS), page.js(PAINTED)
    assert min(exact) > 0.2
    for i in range(10):
        assert abs(mixed[i] - exact[i]) < 0.35 * exact[i], (i, mixed, exact)
    assert sum(mixed[:10]) == pytest.approx(sum(exact[:10]), rel=0.1)
    assert mixed[11:] == pytest.approx(exact[11:]), "where there is a time line it counts alone"
    assert min(painted) > 0.02
    assert sum(again[:5]) == pytest.approx(sum(painted[:5]), rel=0.2)
