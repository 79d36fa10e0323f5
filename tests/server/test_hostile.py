# SPDX-License-Identifier: BSD-2-Clause
"""Clients that mean harm, or are broken: right status, flat memory, and others go on being served."""

import contextlib
import gzip
import io
import re
import resource
import selectors
import socket
import time

import msgpack
import pytest

import srv
from srv import report, report_id

# What the receiver may grow by through all of one test, in MB.
FLAT_MB = 64


def statuses(data):
    return [int(each) for each in re.findall(rb"^HTTP/1\.1 (\d{3}) ", data, re.M)]


@contextlib.contextmanager
def flat(receiver, growth_mb=FLAT_MB):
    """Memory at the end is what it was at the beginning, and a bit."""
    for n in range(20):
        receiver.post(report(n))
    before = receiver.rss_mb()
    yield
    after = receiver.rss_mb()
    print(f"resident: {before:.1f} MB before, {after:.1f} MB after")
    assert after < before + growth_mb


def gzip_of(byte, megabytes):
    out = io.BytesIO()
    with gzip.GzipFile(fileobj=out, mode="wb", compresslevel=9) as packed:
        for _ in range(megabytes):
            packed.write(byte * (1 << 20))
    return out.getvalue()


def test_bombs(start):
    receiver = start()
    zeroes = gzip_of(b"\0", 128)
    arrays = gzip_of(b"\x91", 128)
    spaces = gzip_of(b" ", 128)
    nested = gzip.compress(gzip.compress(zeroes))
    assert 120000 < len(zeroes) < 140000
    head = msgpack.packb({"schema": "backdraft.report/1", "id": report_id(1)})
    wide = b"\x83" + head[1:] + msgpack.packb("strings")
    deep = b"\x83" + head[1:] + msgpack.packb("later")
    bodies = [
        ("zeroes", zeroes, "vnd.msgpack", {413}),
        ("arrays", arrays, "vnd.msgpack", {413}),
        ("blanks as JSON", spaces, "json", {413}),
        ("nested", nested, "vnd.msgpack", {400}),
        ("nested as JSON", nested, "json", {400}),
        ("a wide array of strings", wide + b"\xdd\xff\xff\xff\xff", "vnd.msgpack", {400, 413}),
        ("30 million strings", gzip.compress(wide + b"\xdd\x01\xc9\xc3\x80" + b"\xa0" * 30000000),
         "vnd.msgpack", {413}),
        ("a wide table", gzip.compress(b"\x83" + head[1:] + msgpack.packb("samples")
                                       + b"\x81\xa4t_ns\xdd\x01\xc9\xc3\x80" + b"\0" * 30000000),
         "vnd.msgpack", {413}),
        ("a deep field", deep + b"\x91" * 1000000, "vnd.msgpack", {400, 413}),
        ("a deep field, packed", gzip.compress(deep + b"\x91" * 30000000), "vnd.msgpack", {400, 413}),
        ("deep JSON", b"[" * 1000000, "json", {413}),
        ("deeper JSON", b'{"a":' * 1000000, "json", {413}),
        ("wide JSON", gzip.compress(b'{"strings":[' + b'"",' * 9000000 + b'""]}'), "json", {400, 413}),
        ("a batch of nothing", b"\xdd\xff\xff\xff\xff", "vnd.msgpack", {413}),
        ("a long text", gzip.compress(wide + b"\x91\xdb\x01\xc9\xc3\x80" + b"a" * 30000000),
         "vnd.msgpack", {413}),
        ("a wide map", deep + b"\xdf\xff\xff\xff\xff", "vnd.msgpack", {400, 413}),
    ]
    with flat(receiver), srv.Beside(receiver) as beside:
        for round_ in range(2):
            for name, body, kind, expected in bodies:
                for path in ("/v1/reports", "/v1/heartbeats"):
                    answer = receiver.post(body, path=path, kind=kind)
                    allowed = expected if path.endswith("reports") else {400, 413}
                    assert answer.status in allowed, (name, path, answer.status, answer.body)
                    assert answer.error()
    print(beside.check())
    assert receiver.metric("bodies_bytes") == 0 and receiver.metric("waiting_bytes") == 0


SMUGGLED = b"GET /smuggled HTTP/1.1\r\nHost: x\r\n\r\n"
BODY = srv.pack(report(77))


def post(*headers, body=b"", version=b"HTTP/1.1"):
    return (b"POST /v1/reports " + version + b"\r\nHost: x\r\n"
            + b"".join(each + b"\r\n" for each in headers) + b"\r\n" + body)


FRAMING = {
    "length and chunked": post(b"Content-Length: 5", b"Transfer-Encoding: chunked", body=b"0\r\n\r\n"),
    "chunked and length": post(b"Transfer-Encoding: chunked", b"Content-Length: 5", body=b"0\r\n\r\n"),
    "two lengths": post(b"Content-Length: 0", b"Content-Length: 40"),
    "two equal lengths": post(b"Content-Length: 5", b"Content-Length: 5", body=b"hello"),
    "a list of lengths": post(b"Content-Length: 0, 40"),
    "a negative length": post(b"Content-Length: -1"),
    "a length with a sign": post(b"Content-Length: +5", body=b"hello"),
    "a length in hex": post(b"Content-Length: 0x5", body=b"hello"),
    "a length with a letter": post(b"Content-Length: 5a", body=b"hello"),
    "a huge length": post(b"Content-Length: 99999999999999999999999"),
    "a length of 2 to the 64": post(b"Content-Length: 18446744073709551616"),
    "an empty length": post(b"Content-Length: "),
    "two encodings": post(b"Transfer-Encoding: chunked", b"Transfer-Encoding: identity",
                          body=b"0\r\n\r\n"),
    "a list of encodings": post(b"Transfer-Encoding: gzip, chunked", body=b"0\r\n\r\n"),
    "chunked twice": post(b"Transfer-Encoding: chunked, chunked", body=b"0\r\n\r\n"),
    "an unknown encoding": post(b"Transfer-Encoding: xchunked", body=b"0\r\n\r\n"),
    "an encoding with a tab": post(b"Transfer-Encoding:\tx chunked", body=b"0\r\n\r\n"),
    "a blank before the colon": post(b"Transfer-Encoding : chunked", b"Content-Length: 5",
                                     body=b"0\r\n\r\n"),
    "a blank before the colon of a length": post(b"Content-Length : 0", b"Content-Length: 36"),
    "a folded encoding": post(b"Transfer-Encoding:\r\n chunked", b"Content-Length: 5",
                              body=b"0\r\n\r\n"),
    "a folded length": post(b"X: y\r\n Content-Length: 40", b"Content-Length:\r\n 0"),
    "a bad chunk": post(b"Transfer-Encoding: chunked", body=b"zz\r\nhello\r\n0\r\n\r\n"),
    "a chunk that overflows": post(b"Transfer-Encoding: chunked",
                                   body=b"ffffffffffffffffff\r\nhello\r\n0\r\n\r\n"),
    "a negative chunk": post(b"Transfer-Encoding: chunked", body=b"-1\r\nhello\r\n0\r\n\r\n"),
    "chunked in HTTP/1.0": post(b"Transfer-Encoding: chunked", b"Content-Length: 5",
                                body=b"0\r\n\r\n", version=b"HTTP/1.0"),
    "a body for a GET": b"GET /v1/reports HTTP/1.1\r\nHost: x\r\nContent-Length: 36\r\n\r\n",
    "two hosts": b"GET /healthz HTTP/1.1\r\nHost: x\r\nHost: y\r\n\r\n",
    "a line without a colon": b"GET /healthz HTTP/1.1\r\nHost: x\r\nnonsense\r\n\r\n",
}


@pytest.fixture(scope="module")
def shared():
    with srv.directory() as place:
        receiver = srv.Receiver(place / "data", "--limit", "header_time=2s", "--limit", "body_time=2s")
        yield receiver
        assert receiver.stop() == 0
        receiver.log.close()


@pytest.mark.parametrize("name", FRAMING)
def test_smuggling(shared, name):
    """A request that two servers could read differently is refused, and what follows it on the
    connection is never answered as a request of its own."""
    answer = shared.raw(FRAMING[name] + SMUGGLED, timeout=5)
    found = statuses(answer)
    # libmicrohttpd 0.9 writes the head of its own errors twice
    assert len(found) <= 1 or len(set(found)) == 1 and b"<html>" in answer, (name, answer)
    assert not found or found[0] in (400, 408, 411, 413, 431, 501), (name, answer)
    assert b"nothing at this path" not in answer, (name, answer)
    assert shared.metric("store_reports") == 0


REQUESTS = {
    "a header without a name": (b"GET /healthz HTTP/1.1\r\nHost: x\r\nConnection: close\r\n: y\r\n\r\n", {200, 400, None}),
    "a blank in a name": (b"GET /healthz HTTP/1.1\r\nHost: x\r\nA b: y\r\n\r\n", {400}),
    "a folded header": (b"GET /healthz HTTP/1.1\r\n X: y\r\nHost: x\r\n\r\n", {400, None}),
    "nothing": (b"\r\n\r\n\r\n", {400, None}),
    "garbage": (bytes(range(256)) * 4 + b"\r\n\r\n", {400, None}),
    "TLS": (b"\x16\x03\x01\x02\x00\x01\x00\x01\xfc\x03\x03" + b"a" * 500, {400, None}),
    "HTTP/0.9": (b"GET /healthz\r\n\r\n", {400, 505, None}),
    "HTTP/2": (b"PRI * HTTP/2.0\r\n\r\nSM\r\n\r\n", {400, 404, 505, None}),
    "HTTP/9.9": (b"GET /healthz HTTP/9.9\r\nHost: x\r\n\r\n", {400, 505, None}),
    "no host": (b"GET /healthz HTTP/1.1\r\n\r\n", {200, 400, None}),
    "a small method": (b"get /healthz HTTP/1.1\r\nHost: x\r\n\r\n", {405, 501, 400, None}),
    "a long target": (b"GET /" + b"a" * 100000 + b" HTTP/1.1\r\nHost: x\r\n\r\n", {400, 414, 431, None}),
    "a long header": (b"GET /healthz HTTP/1.1\r\nHost: x\r\nX: " + b"a" * 100000 + b"\r\n\r\n",
                      {400, 413, 431, None}),
    "many headers": (b"GET /healthz HTTP/1.1\r\nHost: x\r\n" + b"A: b\r\n" * 20000 + b"\r\n",
                     {400, 413, 431, None}),
    "a long query": (b"GET /v1/reports?client=" + b"a" * 5000 + b" HTTP/1.1\r\nHost: x\r\n\r\n", {400}),
    "a blank in the target": (b"GET /v1/reports?client=a b HTTP/1.1\r\nHost: x\r\n\r\n", {400, 505, None}),
    # libmicrohttpd hands on what is before it, and nothing of what is behind
    "a NUL in the target": (b"GET /nothing\0/../healthz HTTP/1.1\r\nHost: x\r\n\r\n", {400, 404, None}),
    "a NUL in a header": (b"GET /healthz HTTP/1.1\r\nHost: x\r\nConnection: close\r\nX: a\0b\r\n\r\n", {200, 400, None}),
    "CONNECT": (b"CONNECT example:443 HTTP/1.1\r\nHost: x\r\n\r\n", {400, 404, 405, None}),
    "TRACE": (b"TRACE /healthz HTTP/1.1\r\nHost: x\r\n\r\n", {405}),
    "OPTIONS": (b"OPTIONS * HTTP/1.1\r\nHost: x\r\n\r\n", {404, 405, 400}),
}


@pytest.mark.parametrize("name", REQUESTS)
def test_requests(shared, name):
    data, expected = REQUESTS[name]
    with shared.socket(5) as s:
        with contextlib.suppress(OSError):
            s.sendall(data)
            s.shutdown(socket.SHUT_WR)
        answer = srv.read_all(s)
    found = statuses(answer)
    # what it waits for more of is told so after a while
    assert (found[0] if found else None) in expected | {408}, (name, answer[:200])
    assert shared.get("/healthz").status == 200


@pytest.mark.parametrize("path", [
    "/v1/reports/../../metrics", "/v1/reports/..%2f..%2fmetrics", "/v1/reports/%2e%2e/metrics", "//metrics",
    "/./metrics", "/metrics/", "/metrics%00", "/metrics;x", "/Metrics", "/v1/reports/" + "0" * 31,
    "/v1/reports/" + "0" * 33, "/v1/reports/" + "g" * 32, "/v1/reports/%30" + "0" * 31,
    "/v1/reports/" + "0" * 32 + "/", "/v1/reports/" + "0" * 32 + "/export/../export",
    "/../../../../etc/passwd", "/v1/reports/" + "../" * 50 + "etc/passwd", "\\metrics", "/%2fmetrics",
    "http://127.0.0.1/metrics", "*",
])
def test_paths(shared, path):
    answer = shared.raw(f"GET {path} HTTP/1.1\r\nHost: x\r\nConnection: close\r\n\r\n".encode())
    assert statuses(answer) in ([404], [400]), answer
    assert b"backdraft_server_" not in answer and b"root:" not in answer


def test_pipelining(shared):
    """Fifty requests at once are fifty answers, in their order."""
    known = [b"/healthz", b"/readyz", b"/nothing", b"/v1/reports?limit=1"]
    data = b"".join(b"GET " + known[i % 4] + b" HTTP/1.1\r\nHost: x\r\n\r\n" for i in range(48))
    with shared.socket() as s:
        s.sendall(data + b"GET /healthz HTTP/1.1\r\nHost: x\r\nConnection: close\r\n\r\n")
        answer = srv.read_all(s)
    found = statuses(answer)
    # what an error ends is ended; until then all are answered in order
    expected = [200, 200, 404, 200] * 12 + [200]
    assert found == expected[:len(found)] and len(found) >= 3, found


def test_lengths(start):
    """Bodies that are shorter or longer than they say, over the limit, and without an end."""
    receiver = start("--limit", "body_bytes=100000", "--limit", "body_time=2s")
    with flat(receiver), srv.Beside(receiver) as beside:
        with receiver.socket() as s:
            s.sendall(post(b"Content-Length: 1000000000"))
            assert statuses(s.recv(4096)) == [413]
        with receiver.socket() as s:  # the rest never comes
            s.sendall(post(b"Content-Length: 5000", body=b"a" * 10))
            s.shutdown(socket.SHUT_WR)
            assert statuses(srv.read_all(s)) in ([], [400], [408])
        answer = receiver.raw(post(b"Content-Length: 5", body=b"hello" + b"GARBAGE\r\n\r\n" * 10))
        assert statuses(answer)[0] == 400
        with receiver.socket() as s:  # chunks without an end
            begin, sent, answer, rest = time.monotonic(), 0, b"", b""
            s.sendall(post(b"Transfer-Encoding: chunked"))
            s.setblocking(False)
            chunk = b"2000\r\n" + b"a" * 0x2000 + b"\r\n"
            with contextlib.suppress(ConnectionError):
                while time.monotonic() < begin + srv.DEADLINE_S:
                    rest = rest or chunk
                    with contextlib.suppress(BlockingIOError):
                        n = s.send(rest)
                        sent, rest = sent + n, rest[n:]
                    with contextlib.suppress(BlockingIOError):
                        part = s.recv(4096)
                        answer += part
                        if not part:
                            break
            assert statuses(answer) == [413], (sent, answer)
            assert sent < 64 << 20
        with receiver.socket() as s:  # one byte after the other, for as long as it may
            s.sendall(post(b"Content-Length: 5000"))
            answer = b""
            end = time.monotonic() + srv.DEADLINE_S
            s.settimeout(0.1)
            with contextlib.suppress(ConnectionError):
                while time.monotonic() < end:
                    s.sendall(b"a")
                    with contextlib.suppress(TimeoutError):
                        part = s.recv(4096)
                        answer += part
                        if not part:
                            break
            assert statuses(answer) == [408], answer
    print(beside.check())


def slow_clients(receiver, number, source, first, drip, deadline_s):
    """Opens `number` connections that send `first`, and then `drip` each 0.2 s, until they are told
    something and closed. What each was told."""
    selector, told = selectors.DefaultSelector(), {}
    sockets = [receiver.socket(source=source) for _ in range(number)]
    for s in sockets:
        s.setblocking(False)
        s.send(first)
        selector.register(s, selectors.EVENT_READ)
        told[s] = b""
    end = time.monotonic() + deadline_s
    dripped = time.monotonic()
    while selector.get_map() and time.monotonic() < end:
        for key, _ in selector.select(0.1):
            part = b""
            with contextlib.suppress(ConnectionError):
                part = key.fileobj.recv(4096)
            told[key.fileobj] += part
            if not part:
                selector.unregister(key.fileobj)
        if time.monotonic() > dripped + 0.2:
            dripped = time.monotonic()
            for key in list(selector.get_map().values()):
                with contextlib.suppress(OSError):
                    key.fileobj.send(drip)
    left = len(selector.get_map())
    for s in sockets:
        s.close()
    selector.close()
    assert not left, f"{left} are still open"
    return [statuses(each) for each in told.values()]


@pytest.mark.parametrize("part", ["headers", "body"])
def test_slow(start, part):
    """A thousand that send a byte now and then: told 408 and shut down, all of them in time."""
    receiver = start("--limit", "header_time=3s", "--limit", "body_time=3s")
    first, drip = (b"GET /healthz HTTP/1.1\r\nHost: x\r\nX-", b"a") if part == "headers" else \
        (post(b"Content-Length: 100000"), b"a")
    with flat(receiver), srv.Beside(receiver) as beside:
        told = slow_clients(receiver, 1000, "127.0.0.1", first, drip, 60)
    print(beside.check())
    late = sum(each == [408] for each in told)
    # one that was sent a byte at the very moment of its end may see the end only
    assert late >= 990 and all(each in ([408], []) for each in told), late
    assert receiver.metric("expired_headers_total" if part == "headers" else "expired_bodies_total") >= 1000


def test_idle(start):
    """Ten thousand that say nothing. With the limits as they are most of them are refused; with higher
    ones all of them stay, and cost little."""
    want = 10000
    soft, hard = resource.getrlimit(resource.RLIMIT_NOFILE)
    if hard < want + 500:
        want = hard - 500
    resource.setrlimit(resource.RLIMIT_NOFILE, (hard, hard))
    try:
        receiver = start("--limit", "header_time=1h")
        with flat(receiver), srv.Beside(receiver) as beside:
            sockets = open_idle(receiver, want)
            refused = sum(was_refused(s) for s in sockets)
            close(sockets)
        print(beside.check())
        assert refused >= want - 1024
        assert receiver.metric("connections_refused_total") >= want - 1024
        receiver.stop()
        receiver = start("--limit", f"connections={want + 100}", "--limit",
                         f"connections_per_address={want + 100}", "--limit", "header_time=1h")
        with flat(receiver, growth_mb=0.012 * want), srv.Beside(receiver) as beside:
            sockets = open_idle(receiver, want)
            srv.wait_for(lambda: receiver.metric("connections") >= want, "all are open")
            print(f"{want} open: {receiver.rss_mb():.1f} MB resident")
        print(beside.check())
        close(sockets)
        srv.wait_for(lambda: receiver.metric("connections") < 20, "all are closed")
    finally:
        resource.setrlimit(resource.RLIMIT_NOFILE, (soft, hard))


def open_idle(receiver, number):
    return [receiver.socket() for _ in range(number)]


def was_refused(s):
    s.settimeout(5)
    s.setblocking(False)
    with contextlib.suppress(BlockingIOError, ConnectionError):
        return statuses(s.recv(4096)) == [503]
    return False


def close(sockets):
    for s in sockets:
        s.close()


def test_exports_are_few(start):
    """Those that would take all threads are told to come later, and others are answered."""
    receiver = start("--limit", "exports=1", "--limit", "export_bytes=64K")
    strings = ("main", *[f"function_{n}" for n in range(4000)])
    assert receiver.post(report(1, functions=strings)).status == 200
    answer = receiver.get(f"/v1/reports/{report_id(1).hex()}/export?format=html")
    assert answer.status == 413 and "limit" in answer.error()
    assert receiver.get(f"/v1/reports/{report_id(1).hex()}/export?thread=(").status == 400
