# SPDX-License-Identifier: BSD-2-Clause
"""Names that a program gave itself to hurt, and files that are not as they should be."""

import re
import xml.etree.ElementTree as ElementTree

import pytest

from conftest import Page

SVG = "{http://www.w3.org/2000/svg}"

STEPS = [
    "set('group', 'thread')",
    "set('colorBy', 'module')",
    "set('reverse', true)",
    "set('reverse', false)",
    "setSearch('script')",
    "nextMatch(1)",
    "nextMatch(1)",
    "setSearch('')",
    "copySelected()",
    "showHelp()",
]


def test_hostile_names_do_nothing(open_page, driver):
    page = open_page("hostile")
    for step in STEPS:
        driver.execute_script(f"window.backdraft.page.{step}")
        page.settle()
    for frame in page.probe("visible")[:60]:
        at = {"x": frame["x"] + frame["w"] / 2, "y": frame["y"] + 5}
        driver.execute_cdp_cmd("Input.dispatchMouseEvent", {"type": "mouseMoved", **at})
    assert driver.title.startswith("Backdraft \u00b7 ")
    assert not driver.find_elements("css selector", "img, iframe, object, embed, [onerror]")
    assert page.js("document.scripts.length") == 2, "the program, and what was asked for"
    names = page.js("window.backdraft.page.profile.functions.name")
    assert "</script><script>document.title='pwned'</script>" in names, "and yet they are shown"


def test_policy_lets_no_other_script_and_no_network_in(driver, reports):
    page = Page(driver, reports.html("shop"))
    driver.execute_script(
        "const s = document.createElement('script'); s.textContent = 'window.hit = 1';"
        "document.body.append(s);"
    )
    assert page.js("window.hit") is None
    assert page.js("performance.getEntriesByType('resource').length") == 0
    answer = driver.execute_async_script(
        "fetch('http://127.0.0.1:9/').then(() => arguments[0]('sent'), () => arguments[0]('no'));"
    )
    assert answer == "no"
    log = [entry["message"] for entry in driver.get_log("browser")]
    assert any("Content Security Policy" in text and "127.0.0.1" in text for text in log)


def broken(reports, name, change):
    text = reports.html("shop").read_text()
    path = reports.directory / name
    path.write_text(change(text))
    assert path.read_text() != text
    return path


def test_damaged_data_is_said(driver, reports):
    def damage(text):
        at = text.index('id="backdraft-report">') + 4000
        return text[:at] + "AAAA" + text[at + 200 :]

    page = Page(driver, broken(reports, "damaged.html", damage))
    assert "damaged" in page.text("[role=alert]")


def test_browser_without_decompression_is_told(driver, reports):
    def take_away(text):
        nonce = re.search(r"nonce-([0-9a-f]+)", text).group(1)
        script = f'<script nonce="{nonce}">delete window.DecompressionStream</script>'
        return text.replace("<body>", "<body>" + script)

    page = Page(driver, broken(reports, "old.html", take_away))
    assert "DecompressionStream" in page.text("[role=alert]")


# --- the SVG


def svg_frames(root):
    """(tooltip, width) of each frame."""
    for group in root.iter(SVG + "g"):
        yield group.find(SVG + "title").text, float(group.find(SVG + "rect").get("width"))


@pytest.mark.parametrize("name", ["shop", "hostile", "large"])
def test_svg_is_xml(reports, name):
    root = ElementTree.fromstring(reports.export(name, "-f", "svg"))
    frames = list(svg_frames(root))
    assert 100 < len(frames) <= 12000
    assert all(0 < width <= 1180 for _, width in frames)
    assert not [e for e in root.iter() if e.tag in (SVG + "script", SVG + "img", SVG + "b")]


def test_svg_widths_are_in_proportion(reports, folded):
    root = ElementTree.fromstring(reports.export("shop", "-f", "svg"))
    expected = folded("shop")
    widths = {title.split("\n")[0]: width for title, width in svg_frames(root)}
    for process in ("checkout", "postgres", "node"):
        share = sum(v for s, v in expected.items() if s[0] == process) / sum(expected.values())
        assert widths[process] == pytest.approx(1180 * share, abs=1)


def test_svg_says_what_it_left_out(reports):
    text = "".join(ElementTree.fromstring(reports.export("large", "-f", "svg")).itertext())
    assert re.search(r"[0-9]+ frames narrower than [0-9.]+ pixels are not drawn", text)


def test_svg_of_nothing(reports):
    root = ElementTree.fromstring(reports.export("shop", "-f", "svg", "--pid", "4194304"))
    text = "".join(root.itertext())
    assert "0.00 ms on a CPU" in text and "Nothing of this kind" in text


def test_svg_text_fits(driver, reports):
    path = reports.directory / "shop.svg"
    path.write_bytes(reports.export("shop", "-f", "svg"))
    driver.get(path.as_uri())
    over = driver.execute_script(
        """return Array.from(document.querySelectorAll('g')).map(g => [g.querySelector('text'),
            g.querySelector('rect')]).filter(([t]) => t).map(([t, r]) =>
            [t.textContent, t.getComputedTextLength() - r.width.baseVal.value + 3]);"""
    )
    assert len(over) > 100
    assert [text for text, too_wide in over if too_wide > 0] == []


def test_hostile_svg_does_nothing(driver, reports):
    path = reports.directory / "hostile.svg"
    path.write_bytes(reports.export("hostile", "-f", "svg"))
    driver.get(path.as_uri())
    assert driver.title != "pwned"
    assert driver.execute_script("return document.documentElement.tagName") == "svg"
