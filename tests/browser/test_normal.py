# SPDX-License-Identifier: BSD-2-Clause
"""Now against normal on the page: `make_report normal` says what of which metric."""

from selenium.webdriver.common.action_chains import ActionChains


def test_now_against_normal(open_page):
    page = open_page("normal")
    items = [li.text.replace("\u202f", " ") for li in page.driver.find_elements("css selector", ".normals li")]
    assert items == [
        "cpu 0.6 cores, normally 0.4 to 0.9 cores",
        "wait 34 %, normally 0 to 2.1 %",
        "memory 3.1 GB, normally 0.9 to 1.1 GB",
        "threads, normally 20 to 40 threads",
        "<i>later</i> 2 furlongs, normally 3 to 5 furlongs",
    ]
    unusual = [li.text.split()[0] for li in page.driver.find_elements("css selector", ".normals li.warning")]
    assert unusual == ["wait", "memory", "<i>later</i>"]
    assert "Sat 21:00" in page.one(".normals li").get_attribute("title")
    assert not open_page("shop").driver.find_elements("css selector", ".normals")


def test_the_second_under_the_pointer(open_page):
    """The strip tells what the series says: user and kernel time where it is known."""
    page = open_page("normal")
    strip = page.one(".strip")
    width = strip.size["width"]

    def title(seconds):
        x = 34 + seconds / 2 * (width - 42) - width / 2
        ActionChains(page.driver).move_to_element_with_offset(strip, int(x), 0).perform()
        return strip.get_attribute("title").replace("\u202f", " ")

    assert title(0.5) == ("client 0.70 cores (0.53 user, 0.17 kernel) \u00b7 waiting 34.0 % \u00b7 3.1 GB \u00b7 "
                          "machine 1.50 cores (1.20 user, 0.30 kernel)")
    assert title(1.5).startswith("client 0.80 cores \u00b7 waiting")
