# SPDX-License-Identifier: BSD-2-Clause
"""Each report that was spooled is in the store exactly once, whatever lies between and whoever is
killed. `make test-loss` does it with 10,000 reports and 200 kills: LOSS_REPORTS, LOSS_KILLS, LOSS_SEED.
"""

import json
import os
import pathlib
import random
import subprocess
import time

import bd
import pytest
from lying_proxy import LyingProxy
from test_end_to_end import Agent, Server, wait_for

REPORTS = int(os.environ.get("LOSS_REPORTS", "200"))
KILLS = int(os.environ.get("LOSS_KILLS", "10"))
SEED = int(os.environ.get("LOSS_SEED", "1"))
TEXTS = 40
DRIVER = bd.BUILD / "tests" / "system" / "spool_driver"

pytestmark = pytest.mark.skipif(os.geteuid() != 0, reason="needs root")


class Writer:
    """Who puts reports into the spool, as the daemon does, and is killed like it."""

    def __init__(self, spool, log):
        self.spool, self.log, self.process, self.starts = spool, pathlib.Path(log), None, 0
        self.log.touch()

    def spooled(self):
        """Names that are known to be in the spool: those of which it was said."""
        lines = self.log.read_text().split("\n")[:-1]
        return [line.split()[1] for line in lines if line.startswith("spooled ")]

    def start(self):
        """As many as are missing, of other seconds than before, and so with other ids."""
        left = REPORTS - len(self.spooled())
        if left <= 0:
            return
        second = 1_700_000_000 + 1_000_000 * self.starts
        self.starts += 1
        with open(self.log, "ab") as log:
            self.process = subprocess.Popen(
                list(map(str, [DRIVER, self.spool, left, "oom", second, 2, TEXTS])), stdout=log)

    def kill(self):
        if self.process and self.process.poll() is None:
            self.process.kill()
            self.process.wait()

    def over(self):
        """Where a daemon's start has swept away what it was writing, it said so, and goes on."""
        if self.process.poll() is None:
            return False
        self.start()
        return len(self.spooled()) >= REPORTS


def all_ids(server):
    ids, page = [], "/v1/reports?limit=1000"
    while page:
        answer = json.loads(server.get(page))
        ids += [row["id"] for row in answer["reports"]]
        page = answer["next"] and f"/v1/reports?limit=1000&next={answer['next']}"
    return ids


def living(directory):
    """Processes that were told of a file in the directory."""
    return [path.parent.name for path in pathlib.Path("/proc").glob("[0-9]*/cmdline")
            if str(directory).encode() in read(path)]


def read(path):
    try:
        return path.read_bytes()
    except OSError:
        return b""  # it has just ended


def test_each_report_is_there_once(public_dir):
    random_part = random.Random(SEED)
    server, agent = Server(public_dir), Agent(public_dir)
    (public_dir / "token").write_text(server.token)
    (public_dir / "token").chmod(0o600)
    server.start()
    proxy = LyingProxy(server.port, 0.06, SEED)
    agent.configure(f"http://127.0.0.1:{proxy.port}")
    agent.start()
    spool = public_dir / "spool"
    writer = Writer(spool, public_dir / "writer.log")
    writer.start()
    killed = dict.fromkeys(("daemon", "uploader", "receiver", "writer"), 0)
    try:
        for _ in range(KILLS):
            time.sleep(random_part.uniform(0.1, 0.8))
            victim = random_part.choice(list(killed))
            pid = agent.uploader()
            if victim == "uploader" and not pid:
                victim = "receiver"  # it is to be started again soon
            if victim == "receiver":
                server.process.kill()
                server.process.wait()
                server.start()
            elif victim == "daemon":
                agent.process.kill()
                agent.process.wait()
                agent.start()
            elif victim == "uploader":
                os.kill(pid, 9)
            else:
                writer.kill()
                writer.start()
            killed[victim] += 1
        wait_for(writer.over, 60 + REPORTS / 20)
        wait_for(lambda: not list(spool.glob("*.bdr")), 60 + REPORTS / 20)
        proxy.share = 0
        stored = all_ids(server)
    finally:
        writer.kill()
        agent.stop()
        server.stop()
        proxy.close()
    wait_for(lambda: not living(public_dir), 10)  # no child of a daemon that was killed goes on
    print(f"seed {SEED}: {len(stored)} stored, killed {killed}, faults {proxy.told}")
    names = writer.spooled()
    assert len(names) == len(set(names)) >= REPORTS
    missing = {name.rpartition("-")[2] for name in names} - set(stored)
    assert not missing, f"{len(missing)} of {len(names)} are not there"
    assert len(stored) == len(set(stored)), "none is there twice"
    # Killed between the rename and saying so: those are there too, at most one for each kill.
    assert len(stored) <= len(names) + killed["writer"]
    for aside in ("rejected", "damaged"):
        assert not list((spool / aside).glob("*.bdr"))
    assert not (spool / ".dropped").exists()
    assert sum(killed.values()) == KILLS and sum(proxy.told.values()) > REPORTS / 50
