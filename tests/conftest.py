# SPDX-License-Identifier: BSD-2-Clause
"""What every pytest suite here shares: what a test needs of the machine, and what a skip means.

A test that lacks something of the machine (root, BPF, a browser, qemu) skips itself with the
reason. With CI=true a skip is a failure, so that a suite can't go green by not running; only a
reason that begins with "optional: " stays a skip there.
"""

import ctypes
import ctypes.util
import os
import pathlib
import platform
import shutil

import pytest

ROOT = pathlib.Path(__file__).resolve().parents[1]
BUILD = ROOT / os.environ.get("O", "build")
IN_CI = os.environ.get("CI", "").lower() in ("true", "1", "yes")

BPF_SYSCALL = {"x86_64": 321, "aarch64": 280}
BPF_MAP_CREATE, BPF_MAP_TYPE_ARRAY = 0, 2


def bpf_lack():
    """Why no BPF program can be loaded here, or None. Tries it: an array map is created."""
    if os.geteuid() != 0:
        return "not root"
    if not os.path.exists("/sys/kernel/btf/vmlinux"):
        return "no /sys/kernel/btf/vmlinux: a kernel without BTF"
    number = BPF_SYSCALL.get(platform.machine())
    if number is None:
        return f"no BPF programs for {platform.machine()} here"
    attr = (ctypes.c_uint32 * 16)(BPF_MAP_TYPE_ARRAY, 4, 4, 1)
    libc = ctypes.CDLL(None, use_errno=True)
    fd = libc.syscall(number, BPF_MAP_CREATE, ctypes.byref(attr), ctypes.sizeof(attr))
    if fd < 0:
        return f"bpf(): {os.strerror(ctypes.get_errno())}"
    os.close(fd)
    return None


def browser_lack():
    if not any(shutil.which(name) for name in ("chromium", "google-chrome", "chrome")):
        return "no chromium"
    if not shutil.which("chromedriver"):
        return "no chromedriver"
    return None


def vm_lack():
    if not shutil.which("qemu-system-x86_64"):
        return "no qemu-system-x86_64: tools/deps vm installs it"
    if not any(os.path.exists(path) for path in ("/bin/busybox", "/usr/bin/busybox")):
        return "no static busybox: tools/deps vm installs it"
    return None


NEEDS = {"soak": bpf_lack, "system": bpf_lack, "browser": browser_lack, "vm": vm_lack}
lacks = {}


def pytest_runtest_setup(item):
    """Skip a test whose directory needs what this machine lacks."""
    suite = item.path.parent.name
    if suite in NEEDS:
        if suite not in lacks:
            lacks[suite] = NEEDS[suite]()
        if lacks[suite]:
            pytest.skip(lacks[suite])


@pytest.hookimpl(hookwrapper=True)
def pytest_runtest_makereport(item, call):
    """In CI, turn a skip into a failure."""
    report = (yield).get_result()
    if IN_CI and report.skipped and not hasattr(report, "wasxfail"):
        reason = report.longrepr[2] if isinstance(report.longrepr, tuple) else str(report.longrepr)
        reason = reason.removeprefix("Skipped: ")
        if not reason.startswith("optional: "):
            report.outcome = "failed"
            report.longrepr = f"skipped, which is a failure in CI: {reason}"


@pytest.fixture(scope="session")
def build_dir():
    """The directory with what make built."""
    return BUILD
