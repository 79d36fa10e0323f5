# SPDX-License-Identifier: BSD-2-Clause
"""A 200 means on disk: kill -9 while reports come in, and a disk that is full."""

import http.client
import os
import random
import signal
import subprocess
import threading

import pytest

import srv
from srv import report, report_id


def stored_ids(receiver):
    found, query = set(), "limit=1000"
    while query:
        page = receiver.get(f"/v1/reports?{query}").json()
        found |= {each["id"] for each in page["reports"]}
        query = page["next"] and f"limit=1000&next={page['next']}"
    return found


def test_kill(start, place):
    """Five times: four clients store, the receiver is killed in the middle, and what it has said yes
    to is there after the next start, once, and the store is whole."""
    acknowledged, numbers = set(), iter(range(10 ** 6))
    lock = threading.Lock()

    def send(receiver):
        try:
            c = receiver.connection()
            while True:
                with lock:
                    n = next(numbers)
                answer = receiver.post(report(n, pad=3000, functions=("main", f"f{n % 50}")),
                                       connection=c)
                assert answer.status == 200
                with lock:
                    acknowledged.add(report_id(n).hex())
        except (OSError, http.client.HTTPException):
            pass  # it has been killed

    for _ in range(5):
        receiver = start()
        senders = [threading.Thread(target=send, args=(receiver,)) for _ in range(4)]
        enough = len(acknowledged) + random.randint(20, 150)
        for each in senders:
            each.start()
        srv.wait_for(lambda: len(acknowledged) >= enough, "reports come in")
        receiver.stop(signal.SIGKILL)
        for each in senders:
            each.join()
        assert srv.verb(place / "data", "fsck")[1] == "nothing is wrong\n"
    receiver = start()
    missing = acknowledged - stored_ids(receiver)
    assert not missing, f"{len(missing)} of {len(acknowledged)} are gone"
    assert receiver.metric("store_reports") >= len(acknowledged)


def test_stop_while_busy(start):
    """SIGTERM in the middle: each client gets its answer or a closed connection, and it ends with 0."""
    receiver = start()
    acknowledged, stopping = set(), threading.Event()

    def send(first):
        n = first
        try:
            c = receiver.connection()
            while not stopping.is_set():
                n += 1
                if receiver.post(report(n), connection=c).status == 200:
                    acknowledged.add(report_id(n).hex())
        except (OSError, http.client.HTTPException):
            pass

    senders = [threading.Thread(target=send, args=(k * 10 ** 6,)) for k in range(4)]
    for each in senders:
        each.start()
    srv.wait_for(lambda: len(acknowledged) > 100, "reports come in")
    assert receiver.stop() == 0
    stopping.set()
    for each in senders:
        each.join()
    receiver = start()
    assert acknowledged <= stored_ids(receiver)


def unshare_lack():
    words = ["unshare", "-m" if os.geteuid() == 0 else "-Urm", "true"]
    return subprocess.run(words, capture_output=True).returncode != 0


def test_full_disk(start, place):
    """507 when the disk is full, queries go on, and with room again so does everything."""
    if unshare_lack():
        pytest.skip("optional: no mount namespaces here")
    data = place / "data"
    data.mkdir(mode=0o700)
    if os.geteuid() == 0:
        os.chown(data, 65534, 65534)
    mount = f"mount -t tmpfs -o size=3m,mode=700,uid={65534 if os.geteuid() == 0 else 0} tmpfs {data}"
    space = ["unshare", "-m" if os.geteuid() == 0 else "-Urm", "sh", "-c",
             f'{mount} && exec "$0" "$@"']
    receiver = start(*([] if os.geteuid() == 0 else ["--allow-root"]), before=space)
    n = 0
    while (answer := receiver.post(report(n, pad=30000))).status == 200:
        n += 1
        assert n < 200, "the disk of 3 MB has no end"
    assert answer.status == 507 and answer.error() == "the disk is full"
    assert answer.headers["retry-after"] == "60"
    assert n > 5
    for _ in range(3):
        assert receiver.post(report(n, pad=30000)).status == 507
    assert receiver.get("/readyz").status == 503
    assert receiver.metric("full") == 1
    listed = receiver.get("/v1/reports?limit=1000&function=main")
    assert listed.status == 200 and len(listed.json()["reports"]) == n
    for k in range(n):
        assert receiver.get(f"/v1/reports/{report_id(k).hex()}/export?format=folded").status == 200
    subprocess.run(["nsenter", "-t", str(receiver.pid()), *(["-m"] if os.geteuid() == 0 else ["-U", "-m"]),
                    "mount", "-o", "remount,size=16m", data], check=True)
    answer = receiver.post(report(n, pad=30000))
    assert answer.status == 200, answer.body
    assert receiver.get("/readyz").status == 200
    assert len(stored_ids(receiver)) == n + 1
