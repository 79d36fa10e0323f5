# SPDX-License-Identifier: BSD-2-Clause
"""A minute of what `make soak` does for an hour."""

import subprocess
import sys

import bd

SECONDS = 60


def test_soak():
    done = subprocess.run([sys.executable, bd.ROOT / "tools/soak", str(SECONDS)], capture_output=True,
                          text=True, timeout=SECONDS + 60)
    print(done.stdout)
    assert done.returncode == 0, done.stdout + done.stderr
    assert "resident, MB" in done.stdout and "own cost" in done.stdout and "delay" in done.stdout
    # Its own bound is wide for what is short, but not without an end.
    most = float(done.stdout.split(", at most ")[1].split("\n")[0])
    assert most < 120
