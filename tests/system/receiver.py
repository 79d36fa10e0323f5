# SPDX-License-Identifier: BSD-2-Clause
"""A receiver of the tests' own, which keeps its promise and misbehaves on demand.

It stores what came whole, once by id, and answers as the real one does. What is done to a request is
asked of `fault(n)`, n counting requests from 0: None, or one of the names in FAULTS, or a number, which
is an HTTP status, or a tuple (status, headers, body).
"""

import gzip
import json
import pathlib
import random
import socket
import ssl
import subprocess
import threading
import time

import msgpack

import bd

FAULTS = ("refuse", "cut_before", "cut_middle", "cut_after", "cut_answer", "garbage", "lie_short",
          "lie_long", "empty", "redirect", "huge", "slow", "not_json", "other_id")
MAKE_REPORT = bd.BUILD / "tests" / "make" / "make_report"


def report_bytes(cache={}):  # pylint: disable=dangerous-default-value
    if not cache:
        data = subprocess.run([MAKE_REPORT, "small"], check=True, capture_output=True).stdout
        cache["small"] = msgpack.unpackb(gzip.decompress(data), raw=False, strict_map_key=False)
    return dict(cache["small"])


def write_report(spool, number, kind="threshold", client="shop"):
    """A report with an id of its own, whole, as the daemon puts it there; its id as hex."""
    report = report_bytes()
    report["id"] = number.to_bytes(16, "big")
    report["trigger"] = dict(report.get("trigger", {}), kind=kind)
    ident = report["id"].hex()
    stamp = time.strftime("%Y%m%dT%H%M%SZ", time.gmtime(1700000000 + number))
    temporary = pathlib.Path(spool) / f".writing-{number}"
    temporary.write_bytes(gzip.compress(msgpack.packb(report), 1))
    temporary.chmod(0o644)
    temporary.rename(pathlib.Path(spool) / f"{stamp}-{kind}-{client}-{ident}.bdr")
    return ident


class Receiver:
    """Threads on 127.0.0.1 and a port of the kernel's choice; .stored maps an id to how many times
    it was stored, .tokens has every Authorization header, .beats every batch of heartbeats."""

    def __init__(self, fault=lambda n: None, context=None, facts_wanted=lambda: False):
        self.fault, self.context, self.facts_wanted = fault, context, facts_wanted
        self.stored, self.tokens, self.requests, self.beats, self.times = {}, [], 0, [], []
        self.lock, self.busy, self.most_busy = threading.Lock(), 0, 0
        self.redirect_to = "http://127.0.0.1:1/"
        self.connections = 0
        self.closed = False
        self.socket = socket.create_server(("127.0.0.1", 0), backlog=64)
        self.port = self.socket.getsockname()[1]
        threading.Thread(target=self.accept, daemon=True).start()

    def url(self, host="127.0.0.1"):
        return f"{'https' if self.context else 'http'}://{host}:{self.port}"

    def __enter__(self):
        return self

    def __exit__(self, *_):
        self.closed = True
        self.socket.shutdown(socket.SHUT_RDWR)
        self.socket.close()

    def accept(self):
        while True:
            try:
                connection, _ = self.socket.accept()
            except OSError:
                return
            self.connections += 1
            threading.Thread(target=self.serve, args=(connection,), daemon=True).start()

    def serve(self, connection):
        try:
            connection.settimeout(30)
            if self.context:
                connection = self.context.wrap_socket(connection, server_side=True)
            with connection:
                stream = connection.makefile("rb")
                while self.request(connection, stream):
                    pass
        except OSError:
            pass

    def request(self, connection, stream):
        line = stream.readline(65536)
        if not line.strip() or self.closed:
            return False
        headers = {}
        while (header := stream.readline(65536).strip()):
            name, _, value = header.decode().partition(":")
            headers[name.lower()] = value.strip()
        with self.lock:
            number, self.requests = self.requests, self.requests + 1
            self.tokens.append(headers.get("authorization"))
            self.times.append(time.monotonic())
            self.busy += 1
            self.most_busy = max(self.busy, self.most_busy)
        try:
            return self.answer(connection, stream, line.split()[1].decode(), headers,
                               self.fault(number))
        finally:
            with self.lock:
                self.busy -= 1

    def answer(self, connection, stream, path, headers, fault):
        size = int(headers["content-length"])
        if fault == "cut_before":
            return False
        if fault == "cut_middle":
            stream.read(size // 2)
            return False
        body = stream.read(size)
        if len(body) < size:
            return False
        status, more, text = self.outcome(path, headers, body, fault)
        if fault == "cut_after":
            return False
        if fault == "garbage":
            connection.sendall(random.Random(size).randbytes(3000))
            return False
        if fault == "slow":
            time.sleep(8)
        length = len(text) + {"lie_short": -10, "lie_long": 10}.get(str(fault), 0)
        head = f"HTTP/1.1 {status} X\r\n" + "".join(f"{k}: {v}\r\n" for k, v in more.items())
        head += f"Content-Length: {length}\r\n\r\n"
        connection.sendall(head.encode())
        connection.sendall(text[:len(text) // 2])
        if fault == "cut_answer":
            return False
        connection.sendall(text[len(text) // 2:])
        return str(fault) not in ("lie_short", "lie_long")

    def outcome(self, path, headers, body, fault):
        if isinstance(fault, tuple):
            return fault
        if isinstance(fault, int):
            return fault, {}, json.dumps({"error": f"told to say {fault}"}).encode()
        if fault == "redirect":
            return 307, {"Location": self.redirect_to}, b""
        if fault == "huge":
            return 200, {}, b" " * 200_000
        if fault == "empty":
            return 200, {}, b""
        if fault == "not_json":
            return 200, {}, b"<html>welcome</html>"
        if fault == "refuse":
            return 503, {"Retry-After": "0"}, b""
        if path == "/v1/heartbeats":
            batch = msgpack.unpackb(gzip.decompress(body), raw=False)
            with self.lock:
                self.beats.append(batch)
            return 200, {}, json.dumps({"accepted": len(batch["beats"]["t_ns"]),
                                        "facts_wanted": self.facts_wanted()}).encode()
        assert path == "/v1/reports", path
        report = msgpack.unpackb(gzip.decompress(body), raw=False, strict_map_key=False)
        ident = report["id"].hex()
        assert headers["idempotency-key"] == ident
        if fault == "other_id":
            ident = "f" * 32
            return 200, {}, json.dumps({"reports": [{"id": ident, "stored": True}]}).encode()
        with self.lock:
            new = ident not in self.stored
            self.stored.setdefault(ident, 0)
            self.stored[ident] += new
        return 200, {}, json.dumps({"reports": [{"id": ident, "stored": new}]}).encode()


def tls_context(certificate, key):
    context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
    context.load_cert_chain(certificate, key)
    return context
