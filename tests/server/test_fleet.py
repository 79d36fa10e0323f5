# SPDX-License-Identifier: BSD-2-Clause
"""A fleet that sends all at once: everything arrives, once, and memory does not follow it."""

import json
import os
import subprocess

import srv
from test_hostile import flat

FLEETSIM = srv.BUILD / "tools" / "fleetsim"
# `make test-server-full` has two million
HEARTBEATS = int(os.environ.get("HEARTBEATS", "100000"))


def fleet(receiver, *options):
    words = [FLEETSIM, "--to", f"127.0.0.1:{receiver.port}", "--seconds", "900", *options]
    done = subprocess.run([str(word) for word in words], capture_output=True, text=True)
    assert done.returncode == 0, done.stdout + done.stderr
    result = json.loads(done.stdout)
    print(done.stdout.strip())
    assert result["failed"] == 0
    return result


def test_heartbeats(start):
    receiver = start("--limit", "requests_per_second=1000000")
    # the tables of names and the cache of the store are full at the beginning
    fleet(receiver, "--heartbeats", "--hosts", "1000", "--count", "1000", "--minutes", "1", "--seed", "9")
    before = receiver.metric("store_beats")
    with flat(receiver), srv.Beside(receiver) as beside:
        result = fleet(receiver, "--heartbeats", "--hosts", "1000", "--minutes", "20", "--count",
                       HEARTBEATS // 20)
    print(beside.check())
    assert result["done"] == HEARTBEATS
    assert receiver.metric("store_beats") == before + HEARTBEATS
    assert receiver.metric("beats_accepted_total") == before + HEARTBEATS


def test_reports(start):
    receiver = start("--limit", "requests_per_second=1000000")
    result = fleet(receiver, "--hosts", "20", "--bytes", "20000", "--count", "400", "--connections", "32")
    assert result["done"] == 400 and abs(result["bytes_each"] - 20000) < 1000
    assert receiver.metric("store_reports") == 400 == receiver.metric("reports_stored_total")
    # many in one transaction, or it would not be fast
    assert receiver.metric("commits_total") < 400
    [row] = receiver.get("/v1/reports?limit=1").json()["reports"]
    export = receiver.get(f"/v1/reports/{row['id']}/export?format=folded")
    assert export.status == 200 and export.body.count(b"\n") > 20
    data = receiver.data
    receiver.stop()
    assert srv.verb(data, "fsck")[1] == "nothing is wrong\n"
