# SPDX-License-Identifier: BSD-2-Clause
"""The spool on disks that are full, fail, can't be written, or vanish; and with gigabytes in it."""

import errno
import os
import pathlib
import re
import subprocess
import time

import bd
import pytest

DRIVER = bd.BUILD / "tests" / "system" / "spool_driver"
PRELOAD = bd.BUILD / "tests" / "system" / "fault_preload.so"

pytestmark = pytest.mark.skipif(os.geteuid() != 0, reason="needs root")


def write(spool, count, kind="deviation", second=1_700_000_000, env=None, pause=0):
    """Written, failed, the longest in ms, and what was said."""
    done = bd.run([DRIVER, spool, count, kind, second, pause], env=dict(os.environ, **(env or {})))
    assert done.status == 0, done.stderr
    *said, last = done.stdout.splitlines()
    return (*map(int, last.split()), said)


def kinds(spool):
    return [path.name.split("-")[1] for path in sorted(pathlib.Path(spool).glob("*.bdr"))]


def dropped(spool):
    path = pathlib.Path(spool) / ".dropped"
    text = path.read_text() if path.exists() else ""
    return {kind: int(n) for kind, n in (line.split() for line in text.splitlines())}


def all_whole(spool):
    done = bd.backdraft("spool", "--dir", spool, "--verify")
    assert done.status == 0 and " 0 damaged" in done.stdout, done.stdout
    return True


@pytest.fixture
def small_disk(tmp_path):
    """A tmpfs of 2 MB, which is unmounted whatever happens."""
    at = tmp_path / "disk"
    at.mkdir()
    subprocess.run(["mount", "-t", "tmpfs", "-o", "size=2m", "tmpfs", at], check=True)
    yield at
    subprocess.run(["umount", "-l", at], check=True)


def test_small_disk(small_disk):
    """A tenth of the disk, and no more; crashes stay, the newest of the rest too, all is counted."""
    spool = small_disk / "spool"
    assert write(spool, 2, "crash")[:2] == (2, 0)
    written, failed, _, said = write(spool, 30, "deviation", 1_700_001_000)
    assert (written, failed, said) == (30, 0, [])
    left = kinds(spool)
    assert left.count("crash") == 2 and 3 <= len(left) < 30
    assert sum(path.stat().st_size for path in spool.glob("*.bdr")) <= 2 * 2**20 / 10
    assert dropped(spool) == {"deviation": 30 - left.count("deviation")}
    newest = max(path.name for path in spool.glob("*deviation*"))
    assert newest.startswith(time.strftime("%Y%m%dT%H%M%SZ", time.gmtime(1_700_001_029)))
    assert all_whole(spool)


def test_full_disk(small_disk):
    """Others fill the disk to the last byte: the oldest go, what is written is whole, and counted."""
    spool = small_disk / "spool"
    assert write(spool, 5, "threshold")[:2] == (5, 0)
    filler = small_disk / "filler"
    with pytest.raises(OSError), open(filler, "wb", buffering=0) as stream:
        while True:
            stream.write(bytes(4096))
    before = len(kinds(spool))
    written, failed, _, said = write(spool, 3, "oom", 1_700_001_000)
    assert written + failed == 3 and len(said) == failed
    for line in said:
        assert re.search(r"spool .*: No space left on device; \d+ reports waiting", line)
    after = kinds(spool)
    assert len(after) <= before and all_whole(spool)
    assert not list(spool.glob(".writing-*"))
    filler.unlink()
    assert write(spool, 1, "crash", 1_700_002_000)[:2] == (1, 0)
    counted = dropped(spool)
    assert sum(counted.values()) == 5 + written + 1 - len(kinds(spool)), counted
    assert counted.get("crash", 0) == 0


def test_enospc_of_the_call(tmp_path):
    """The same by a fault in every third write: the oldest makes room, and the report is there."""
    spool = tmp_path / "spool"
    env = {"LD_PRELOAD": str(PRELOAD), "FAULT": f"write:{errno.ENOSPC}:3"}
    written, failed, _, _ = write(spool, 20, env=env)
    assert written == 20 - failed and failed <= 2
    assert sum(dropped(spool).values()) + len(kinds(spool)) == written
    assert all_whole(spool)


@pytest.mark.parametrize("call, every", [("write", 2), ("fsync", 3), ("renameat", 2)])
def test_eio(tmp_path, call, every):
    """What failed is said to have failed, nothing half is left, and the rest is whole."""
    spool = tmp_path / "spool"
    env = {"LD_PRELOAD": str(PRELOAD), "FAULT": f"{call}:{errno.EIO}:{every}"}
    written, failed, _, said = write(spool, 12, env=env)
    assert failed and written and written + failed == 12
    assert len(said) == failed and all("Input/output error" in line for line in said)
    assert written <= len(kinds(spool)) and all_whole(spool)
    assert not list(spool.glob(".writing-*"))
    assert write(spool, 1, "oom", 1_700_001_000)[:2] == (1, 0)


def test_read_only(small_disk):
    spool = small_disk / "spool"
    assert write(spool, 2)[:2] == (2, 0)
    subprocess.run(["mount", "-o", "remount,ro", small_disk], check=True)
    written, failed, _, said = write(spool, 2, "oom", 1_700_001_000)
    assert (written, failed) == (0, 2) and "Read-only file system" in said[0]
    subprocess.run(["mount", "-o", "remount,rw", small_disk], check=True)
    assert write(spool, 2, "oom", 1_700_001_000)[:2] == (2, 0)
    assert kinds(spool) == ["deviation"] * 2 + ["oom"] * 2


def test_removed_under_it(tmp_path):
    """Removed while it writes: made again, and the reports after that are there."""
    spool = tmp_path / "spool"
    process = bd.start(DRIVER, spool, 20, "oom", 1_700_000_000, 50)
    end = time.monotonic() + 20
    while len(list(spool.glob("*.bdr"))) < 3 and time.monotonic() < end:
        time.sleep(0.01)
    subprocess.run(["rm", "-rf", spool], check=True)
    out, err = process.communicate(timeout=60)
    *said, last = out.decode().splitlines()
    assert process.returncode == 0, err
    written, failed = map(int, last.split()[:2])
    # The one that was being written then may have gone with the directory, and says so.
    assert written + failed == 20 and failed <= 1 and len(said) == failed
    assert 5 <= len(kinds(spool)) <= 17 and all_whole(spool)


def test_clock_jumps(tmp_path):
    """Reports of 1970 and of 2099: none is in another's way, all are listed, sent in that order."""
    spool = tmp_path / "spool"
    for second in (4_070_908_800, 5, 1_700_000_000):
        assert write(spool, 2, "oom", second)[:2] == (2, 0)
    done = bd.backdraft("spool", "--dir", spool, "--verify")
    assert "6 whole" in done.stdout
    stamps = re.findall(r"^(\d{4})-", done.stdout, re.M)
    assert stamps == ["1970", "1970", "2023", "2023", "2099", "2099"]


def test_two_gigabytes(tmp_path):
    """2 GB of an older daemon's: no step of the next one's is long, and it ends within the limit."""
    spool = tmp_path / "spool"
    spool.mkdir(mode=0o700)
    for i in range(2000):
        kind = "crash" if i % 10 == 0 else "deviation"
        with open(spool / f"20230101T{i:06d}Z-{kind}-a-{i:032x}.bdr", "wb") as stream:
            os.truncate(stream.fileno(), 1 << 20)
    disk = os.statvfs(spool)
    limit = min(512 << 20, disk.f_blocks * disk.f_frsize // 10)
    written, failed, longest_ms, _ = write(spool, 12, "oom", 1_700_000_000)
    assert (written, failed) == (12, 0)
    assert longest_ms < 1000, "a second of the daemon is not missed"
    left = kinds(spool)
    sizes = sum(path.stat().st_size for path in spool.glob("*.bdr"))
    assert sizes <= limit
    counted = dropped(spool)
    assert sum(counted.values()) == 2012 - len(left)
    assert left.count("oom") == 12 and (left.count("crash") == 200 or limit < 201 << 20)
    assert "deviation" not in left or left.count("crash") == 200
