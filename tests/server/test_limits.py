# SPDX-License-Identifier: BSD-2-Clause
"""Each limit of server/limits.def, set low and passed: the status that is promised, `Retry-After` where
waiting helps, and what is within the limit goes on."""

import base64
import concurrent.futures
import os
import re
import socket
import sqlite3
import time

import pytest

import srv
from srv import report

ROWS = 200000
MANY = {"samples": {"t_ns": [0] * ROWS, "thread": [0] * ROWS, "stack": [0] * ROWS, "weight_ns": [0] * ROWS}}


def beats(rows, text="shop"):
    return {"schema": "backdraft.heartbeats/1", "host": b"\x07" * 16, "strings": ["", text],
            "beats": {"t_ns": [time.time_ns() - 60000000000 * i for i in range(rows)]},
            "clients": {"beat": [0] * rows, "name": [1] * rows}}


def fields(n):
    """So many fields that no version knows, of 60 KB each, which can't be compressed."""
    return {f"later_{k}": os.urandom(60000) for k in range(n)}


def nested(depth):
    return [nested(depth - 1)] if depth else 1


# limit: what is over it, where it goes, the status
BODIES = {
    "body_bytes=4K": (report(1, pad=5000), "/v1/reports", 413),
    "unpacked_bytes=4K": (report(1, later="a" * 5000), "/v1/reports", 413),
    "report_memory_bytes=1M": (report(1, **MANY), "/v1/reports", 413),
    "bodies_bytes=1M": (report(1, **fields(35)), "/v1/reports", 503),
    "batch_reports=2": ([report(n) for n in range(3)], "/v1/reports", 413),
    "rows=100": (report(1, **MANY), "/v1/reports", 413),
    "string_bytes=64": (report(1, client="c" * 65), "/v1/reports", 413),
    "counts=2": (report(1, loss={"reasons": {"a": 1, "b": 1, "c": 1}}), "/v1/reports", 413),
    "depth=3": (report(1, later=nested(8)), "/v1/reports", 413),
    "unknown_fields=1": (report(1, later=1, still=2), "/v1/reports", 413),
    "unknown_bytes=100": (report(1, later="a" * 200), "/v1/reports", 413),
    "beats_rows=10": (beats(11), "/v1/heartbeats", 413),
    "beats_unpacked_bytes=1K": (beats(1, "a" * 2000), "/v1/heartbeats", 413),
    "beats_memory_bytes=64K": (beats(3000), "/v1/heartbeats", 413),
}


@pytest.fixture
def limited(start):
    return lambda *limits: start(*[word for each in limits for word in ("--limit", each)])


@pytest.mark.parametrize("limit", BODIES)
def test_bodies(limited, limit):
    body, path, status = BODIES[limit]
    receiver = limited(limit)
    answer = receiver.post(body, path=path)
    assert answer.status == status and answer.error(), (answer.status, answer.body)
    assert (int(answer.headers.get("retry-after", 0)) > 0) == (status == 503)
    assert receiver.metric("store_reports") == receiver.metric("store_beats") == 0
    assert receiver.post(report(2)).status == 200
    assert receiver.post(beats(1), path="/v1/heartbeats").status == 200
    receiver.stop()
    # and without it there is nothing against it
    receiver = limited()
    assert receiver.post(body, path=path).status == 200


def test_parts_are_left_out(limited):
    """More functions and stacks than can be searched for: the report is stored whole, and it is counted."""
    receiver = limited("functions=3", "stacks=2")
    assert receiver.post(report(1, functions=[f"f{n}" for n in range(10)])).status == 200
    assert receiver.metric("parts_dropped_total") > 0
    assert receiver.metric("store_functions") <= 3 and receiver.metric("store_stacks") <= 2
    assert b"f9" in receiver.get(f"/v1/reports/{srv.report_id(1).hex()}/export?format=folded").body


def test_questions(limited):
    receiver = limited("header_bytes=4K", "query_bytes=64", "page_reports=2")
    assert receiver.get("/v1/reports?client=" + "a" * 80).status == 400
    assert receiver.get("/v1/reports?limit=3").status == 400
    assert receiver.get("/v1/reports?limit=2").status == 200
    found = re.match(rb"HTTP/1\.1 (\d+)", receiver.raw(
        b"GET /healthz HTTP/1.1\r\nHost: x\r\nX: " + b"a" * 6000 + b"\r\n\r\n"))
    assert found and int(found[1]) in (400, 413, 431)


@pytest.mark.parametrize("limit, sources", [("connections=3", ("127.0.0.1", "127.0.0.2")),
                                            ("connections_per_address=3", ("127.0.0.1",))])
def test_connections(limited, limit, sources):
    receiver = limited(limit)
    held = [receiver.socket(source=sources[n % len(sources)]) for n in range(3)]
    srv.wait_for(lambda: all(each.send(b"GET /healthz HTTP/1.1\r\nHost: x\r\n\r\n") and
                             b" 200 " in each.recv(4096) for each in held), "three are served")
    with receiver.socket(source=sources[0]) as s:
        told = srv.read_all(s)
    assert b" 503 " in told and re.search(rb"(?i)retry-after: *[1-9]", told), told
    for each in held:
        each.close()
    srv.wait_for(lambda: receiver.get("/healthz").status == 200, "there is room again")
    assert receiver.metric("connections_refused_total") >= 1


def test_times(limited):
    """Headers and bodies that take too long are told 408 and when to come again; who is silent between
    two requests, or does not take the answer, is closed."""
    receiver = limited("header_time=1s", "body_time=1s", "idle_time=1s", "answer_time=2s")
    big = report(1, **fields(60))
    big["strings"] += [base64.b64encode(os.urandom(48000)).decode() for _ in range(80)]
    assert receiver.post(big).status == 200
    for head in (b"GET /healthz HTTP/1.1\r\nHost: x\r\n",
                 b"POST /v1/reports HTTP/1.1\r\nHost: x\r\nContent-Length: 9\r\n\r\na"):
        told = receiver.raw(head)
        assert b" 408 " in told and re.search(rb"(?i)retry-after: *[1-9]", told), told
    with receiver.socket() as s:
        s.sendall(b"GET /healthz HTTP/1.1\r\nHost: x\r\n\r\n")
        assert srv.read_all(s).startswith(b"HTTP/1.1 200 ")
    assert receiver.metric("expired_idle_total") >= 1
    with socket.socket() as s:
        s.setsockopt(socket.SOL_SOCKET, socket.SO_RCVBUF, 4096)
        s.connect(("127.0.0.1", receiver.port))
        s.sendall(b"GET /v1/reports/" + srv.report_id(1).hex().encode() + b" HTTP/1.1\r\nHost: x\r\n\r\n")
        srv.wait_for(lambda: receiver.metric("expired_answers_total") == 1, "it is closed")


def test_waiting(limited, place):
    """While the store is busy reports wait, but not more of them than this: the others come again."""
    receiver = limited("waiting_bytes=1M")
    assert receiver.post(report(0)).status == 200
    store = sqlite3.connect(place / "data/reports.db", isolation_level=None)
    store.execute("BEGIN IMMEDIATE")
    with concurrent.futures.ThreadPoolExecutor() as pool:
        held = [pool.submit(receiver.post, report(n, **fields(7))) for n in (1, 2)]
        srv.wait_for(lambda: receiver.metric("waiting_bytes") > 800000, "they wait")
        late = receiver.post(report(3, **fields(7)))
        ready = receiver.get("/readyz")
        store.execute("ROLLBACK")
        assert late.status == 503 and int(late.headers["retry-after"]) > 0, late.body
        assert ready.status == 503 and b"wait" in ready.body, ready.body
        assert [each.result().status for each in held] == [200, 200]
    assert receiver.metric("waiting_bytes") == 0
    assert receiver.post(report(3, **fields(7))).status == 200
    assert receiver.metric("store_reports") == 4
