# SPDX-License-Identifier: BSD-2-Clause
"""What the static build can't do is said where somebody would look for it."""

import subprocess

import bd
import pytest
from watching import Daemon, text

CLIENT = """[client "lines"]
match_exe = @progs/idle
deviation = off
log = journal
"""
SAYS = "can't load libsystemd"


@pytest.fixture
def static(build_dir):
    path = build_dir / "backdraft-static"
    assert path.exists(), f"{path} is missing: `make static` builds it"
    return str(path)


def test_doctor_and_check_say_what_becomes_of_the_journal(static, build_dir, tmp_path, program):
    program("idle")
    d = Daemon(build_dir, tmp_path, CLIENT)
    for tool, expected in ((static, True), (str(bd.BACKDRAFT), False)):
        done = subprocess.run([tool, "doctor"], capture_output=True, text=True)
        assert (SAYS in done.stdout) == expected, done.stdout
        done = subprocess.run([tool, "watch", "--check", "--config", d.config], capture_output=True,
                              text=True)
        assert done.returncode == 0, done.stderr
        assert ("client lines: this build is static" in done.stdout) == expected, done.stdout
        assert (SAYS in done.stdout) == expected


def test_a_report_says_it_too(static, build_dir, tmp_path, program):
    program("idle")
    d = Daemon(build_dir, tmp_path, CLIENT)
    d.tool = static
    d.start()
    try:
        d.wait_for(lambda: any(c["processes"] for c in d.status()["clients"]))
        d.wait_for(lambda: SAYS in d.said())
        assert d.run("trigger", "lines").returncode == 0
        report = d.report(d.wait_for(d.spool, 30)[0])
    finally:
        d.stop()
    states = text(report, report["log_sources"]["state"])
    assert len(states) == 1 and SAYS in states[0]
