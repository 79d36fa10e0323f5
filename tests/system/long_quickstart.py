# SPDX-License-Identifier: BSD-2-Clause
"""tools/quickstart --keep, the whole of it: what it says is so, what it leaves running runs, and what
ends it ends all. A part of `make test-long`."""

import json
import os
import pathlib
import re
import shutil
import signal
import subprocess
import time
import urllib.request

import bd
import pytest

pytestmark = pytest.mark.skipif(os.geteuid() != 0, reason="needs root")


def ended(pid):
    """It may be nobody's child, and then of the init of this machine, which may not wait for it."""
    try:
        return pathlib.Path(f"/proc/{pid}/stat").read_text().rpartition(")")[2].split()[0] == "Z"
    except OSError:
        return True


def test_it_shows_the_whole():
    done = subprocess.run(["tools/quickstart", "--keep", "-d", "1"], cwd=bd.ROOT, capture_output=True,
                          text=True, timeout=300)
    files = [bd.ROOT / name for name in re.findall(r"\bbackdraft-\d{8}-\d{6}(?:-demo)?\.\w+", done.stdout)]
    found = re.search(r"To end it: kill (\d+); kill (\d+) \(as root\); rm -r (\S+)", done.stdout)
    assert done.returncode == 0 and found, done.stdout + done.stderr
    pids, directory = [int(found[1]), int(found[2])], pathlib.Path(found[3])
    try:
        assert re.search(r"^The trigger: \S.*\d", done.stdout, re.M)
        assert re.search(r"^The receiver has report [0-9a-f]{32}", done.stdout, re.M)
        assert all(path.exists() for path in files) and len(set(files)) == 4
        [demo] = [path for path in set(files) if path.name.endswith("-demo.bdr")]
        hot = {name for *_, frames, us in bd.export_folded(demo, "--client") for name in frames if us > 0}
        assert {"serve_request", "price_cart", "apply_coupons", "match_coupon"} <= hot
        page = urllib.request.build_opener(urllib.request.ProxyHandler({})).open(
            re.search(r"http://[0-9.:]+/v1/reports$", done.stdout, re.M)[0], timeout=20)
        [row] = json.load(page)["reports"]
        assert row["client"] == "demo" and row["kind"] == "threshold"
        status = bd.backdraft("status", "--json", "--config", directory / "backdraft.conf")
        assert json.loads(status.stdout)["upload"]["sent"] == 1
    finally:
        for pid in pids:
            os.kill(pid, signal.SIGTERM)
        end = time.monotonic() + 40
        while not all(map(ended, pids)) and time.monotonic() < end:
            time.sleep(0.1)
        shutil.rmtree(directory)
        for path in set(files):
            path.unlink(missing_ok=True)
    assert all(map(ended, pids))
