# SPDX-License-Identifier: BSD-2-Clause
"""The walk in this kernel against the walk in user space, frame by frame (unwind_driver.c)."""

import re
import subprocess


def test_walks_are_equal(build_dir):
    done = subprocess.run([build_dir / "tests/system/unwind_driver",
                           build_dir / "tests/system/unwind_bpf.bpf.o", "200"],
                          capture_output=True, text=True, timeout=120,
                          env={"CMOCKA_MESSAGE_OUTPUT": "TAP"})
    out = done.stdout + done.stderr
    assert done.returncode == 0 and out.count("\nok ") == 5, out
    # 512 frames in one program; the verifier's limit is a million
    processed = int(re.search(r"processed (\d+) insns", out).group(1))
    assert processed < 20_000, out
