# SPDX-License-Identifier: BSD-2-Clause
"""One stack in a thousand is walked in the kernel and in user space: both find the same."""
import bd

RATE = 4999


def test_both_walks_agree(tmp_path):
    with bd.beside(bd.prog("shares"), "60000"), bd.beside(bd.prog("mixed"), "60000"):
        report = bd.capture(tmp_path / "a.bdr", "-d", "3", "-F", str(RATE))
    unwind = report.raw["unwind"]
    walked = unwind["user_samples"] - unwind["late"]
    assert walked > 5000, f"too few for a check: {unwind}"
    assert unwind["checked"] >= 0.5 * walked / 1000, unwind
    assert unwind.get("disagreed", 0) == 0, unwind
    assert unwind["tables"] > 0 and unwind["table_bytes"] > 100_000, unwind
