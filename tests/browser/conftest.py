# SPDX-License-Identifier: BSD-2-Clause
"""A headless browser, and pages that `backdraft export` writes from synthetic reports."""

import re
import shutil
import subprocess
import time
import types

import pytest
from selenium import webdriver
from selenium.webdriver.chrome.service import Service

CHROMIUM_FLAGS = (
    "--headless --no-sandbox --disable-gpu --disable-quic --no-first-run --window-size=1440,1000 "
    "--disable-background-networking --disable-component-update --disable-sync"
).split()

REPORTS = {
    "shop": ["--seed", "7"],
    "hostile": ["--seed", "3", "--stacks", "400", "--hostile"],
    "large": ["--seed", "5", "--stacks", "100000"],
}
MADE = {"crash": ["crash"], "normal": ["normal"], "client": ["client"],
        "starved": ["client", "starvation"], "crash-large": ["crash", "4084", "20000"]}


@pytest.fixture(scope="session")
def driver(tmp_path_factory):
    options = webdriver.ChromeOptions()
    options.binary_location = shutil.which("chromium") or shutil.which("google-chrome")
    for flag in [*CHROMIUM_FLAGS, f"--user-data-dir={tmp_path_factory.mktemp('chromium')}"]:
        options.add_argument(flag)
    options.set_capability("goog:loggingPrefs", {"browser": "ALL"})
    browser = webdriver.Chrome(service=Service(shutil.which("chromedriver")), options=options)
    browser.set_script_timeout(60)
    yield browser
    browser.quit()


@pytest.fixture(scope="session")
def reports(tmp_path_factory, build_dir):
    """export(name, *options): what `backdraft export` writes; html(name, *options): a page's path."""
    directory = tmp_path_factory.mktemp("reports")

    def report(name):
        path = directory / f"{name}.bdr"
        if name in MADE and not path.exists():
            with path.open("wb") as file:
                subprocess.run([build_dir / "tests/make/make_report", *MADE[name]], check=True, stdout=file)
        elif not path.exists():
            subprocess.run([build_dir / "tools/synth-report", *REPORTS[name], "-o", path], check=True)
        return path

    def export(name, *options):
        command = [build_dir / "backdraft", "export", report(name), *options]
        return subprocess.run(command, check=True, stdout=subprocess.PIPE).stdout

    def html(name, *options):
        path = directory / (re.sub(r"\W", "_", name + "".join(options)) + ".html")
        if not path.exists():
            path.write_bytes(export(name, "-f", "html", *options))
        return path

    return types.SimpleNamespace(export=export, html=html, directory=directory)


class Page:
    """An open page: `js` evaluates an expression, `probe` calls a function of window.backdraft."""

    def __init__(self, driver, path):
        self.driver = driver
        driver.get(path.as_uri())
        self.wait("window.backdraft && (window.backdraft.ready || window.backdraft.error)")

    def js(self, expression, *arguments):
        return self.driver.execute_script(f"return {expression}", *arguments)

    def probe(self, function, *arguments):
        return self.js(f"window.backdraft.{function}(...arguments)", *arguments)

    def wait(self, expression, seconds=20):
        end = time.monotonic() + seconds
        while not self.js(f"Boolean({expression})"):
            assert time.monotonic() < end, f"never: {expression}"
            time.sleep(0.02)

    def settle(self):
        self.wait("window.backdraft.settled()")

    def set(self, field, value):
        self.js("window.backdraft.page.set(...arguments)", field, value)
        self.settle()

    def one(self, selector):
        return self.driver.find_element("css selector", selector)

    def text(self, selector):
        return self.js("document.querySelector(arguments[0]).textContent", selector)

    def button(self, label):
        for button in self.driver.find_elements("css selector", "button"):
            if button.text.split("\n")[0].strip() == label and button.is_displayed():
                return button
        raise AssertionError(f"no button {label!r}")

    def frame(self, name):
        """The widest frame of that name on the canvas."""
        frames = [f for f in self.probe("visible") if f["name"] == name]
        assert frames, f"no frame {name!r} in sight"
        return max(frames, key=lambda f: f["w"])


@pytest.fixture
def open_page(driver, reports):
    """open_page(name, *options of export) -> Page; nothing may be wrong in the console after it."""

    def open_it(name, *options):
        return Page(driver, reports.html(name, *options))

    driver.get_log("browser")
    yield open_it
    driver.execute_cdp_cmd("Emulation.clearDeviceMetricsOverride", {})
    driver.execute_cdp_cmd("Emulation.setEmulatedMedia", {"media": "", "features": []})
    errors = [entry["message"] for entry in driver.get_log("browser") if entry["level"] == "SEVERE"]
    assert not errors


def parse_folded(text):
    """{stack as a tuple: value}"""
    stacks = {}
    for line in text.splitlines():
        stack, value = line.rsplit(" ", 1)
        key = tuple(stack.split(";"))
        stacks[key] = stacks.get(key, 0) + int(value)
    return stacks


@pytest.fixture
def folded(reports):
    """folded(name, *options): `backdraft export -f folded`, parsed."""
    return lambda name, *options: parse_folded(
        reports.export(name, "-f", "folded", *options).decode()
    )


def plain(frame):
    """The name of a frame without the mark of its kind."""
    return re.sub(r"_\[[kij]\]$", "", frame)


def frames_of(stack):
    return [plain(frame) for frame in stack[2:]]
