# SPDX-License-Identifier: BSD-2-Clause
"""Five minutes of what `make soak` does for an hour."""

import pathlib
import subprocess
import sys

ROOT = pathlib.Path(__file__).resolve().parents[2]
SECONDS = 300


def test_soak():
    done = subprocess.run([sys.executable, ROOT / "tools/soak", str(SECONDS)], capture_output=True,
                          text=True, timeout=SECONDS + 120)
    print(done.stdout)
    assert done.returncode == 0, done.stdout + done.stderr
    assert "resident, MB" in done.stdout and "own cost" in done.stdout and "delay" in done.stdout
