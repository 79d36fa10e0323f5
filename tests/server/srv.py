# SPDX-License-Identifier: BSD-2-Clause
"""Start a receiver on loopback and talk to it, with sockets and Python's own HTTP alone."""

import contextlib
import gzip
import http.client
import json
import os
import pathlib
import re
import shutil
import signal
import socket
import subprocess
import tempfile
import threading
import time

import msgpack

ROOT = pathlib.Path(__file__).resolve().parents[2]
BUILD = ROOT / os.environ.get("O", "build")
SERVER = BUILD / "backdraft-server"
BACKDRAFT = BUILD / "backdraft"
SYNTH = BUILD / "tools" / "synth-report"
# It gives root up where it is root.
USER = ["--user", "nobody"] if os.geteuid() == 0 else []
DEADLINE_S = 20


def wait_for(condition, what, deadline_s=DEADLINE_S):
    """Until `condition` is true of what it gives, which is returned."""
    end = time.monotonic() + deadline_s
    while not (value := condition()):
        assert time.monotonic() < end, f"{what}: not within {deadline_s} s"
        time.sleep(0.05)
    return value


class Answer:
    def __init__(self, response, body):
        self.status, self.body = response.status, body
        self.headers = {name.lower(): value for name, value in response.getheaders()}

    def json(self):
        return json.loads(self.body)

    def error(self):
        return self.json()["error"]


class Receiver:
    """A running backdraft-server. `before` are words in front of its command."""

    def __init__(self, directory, *options, before=(), listen="127.0.0.1:0"):
        self.data = pathlib.Path(directory)
        self.log = open(f"{directory}.log", "ab+")
        self.log_begin = self.log.seek(0, os.SEEK_END)
        self.command = [*before, SERVER, "--listen", listen, "--data", self.data, *USER, *options]
        self.process = subprocess.Popen([str(word) for word in self.command], stderr=self.log,
                                        stdin=subprocess.DEVNULL, start_new_session=True)
        self.port = int(wait_for(self._port, "the receiver's start"))

    def _port(self):
        found = re.search(r"listening on https?://\S*:(\d+)", self.log_text())
        assert found or self.process.poll() is None, self.log_text()
        return found and found[1]

    def log_text(self):
        """What it has said since it was started."""
        self.log.seek(self.log_begin)
        return self.log.read().decode()

    def pid(self):
        """Of the receiver itself, which may be a child of what is in front of it."""
        return self.process.pid

    def rss_mb(self):
        with open(f"/proc/{self.pid()}/status", encoding="ascii") as file:
            return int(re.search(r"VmRSS:\s+(\d+)", file.read())[1]) / 1024

    def stop(self, how=signal.SIGTERM):
        if self.process.poll() is None:
            self.process.send_signal(how)
        try:
            return self.process.wait(DEADLINE_S)
        except subprocess.TimeoutExpired:
            self.process.kill()
            self.process.wait()
            raise

    def connection(self, timeout=DEADLINE_S, source="127.0.0.1"):
        return http.client.HTTPConnection("127.0.0.1", self.port, timeout=timeout,
                                          source_address=(source, 0))

    def ask(self, method, path, body=None, token=None, connection=None, **headers):
        c = connection or self.connection()
        words = {name.replace("_", "-"): value for name, value in headers.items()}
        if token:
            words["Authorization"] = f"Bearer {token}"
        c.request(method, path, body=body, headers=words)
        response = c.getresponse()
        answer = Answer(response, response.read())
        if not connection:
            c.close()
        return answer

    def get(self, path, **more):
        return self.ask("GET", path, **more)

    def post(self, report, path="/v1/reports", kind="vnd.msgpack", **more):
        body = report if isinstance(report, bytes) else pack(report)
        return self.ask("POST", path, body=body, Content_Type=f"application/{kind}", **more)

    def metric(self, name):
        # from an address that no test fills up
        c = self.connection(source="127.0.0.9")
        text = self.get("/metrics", connection=c).body.decode()
        c.close()
        return int(re.search(rf"^backdraft_server_{name} (\d+)", text, re.M)[1])

    def socket(self, timeout=DEADLINE_S, source="127.0.0.1"):
        return socket.create_connection(("127.0.0.1", self.port), timeout, (source, 0))

    def raw(self, data, timeout=DEADLINE_S):
        """What comes back for these bytes until the end: of the connection, or of patience."""
        with self.socket(timeout) as s:
            with contextlib.suppress(ConnectionError):
                s.sendall(data)
            return read_all(s)


def read_all(s):
    parts = []
    with contextlib.suppress(ConnectionError, TimeoutError):
        while part := s.recv(65536):
            parts.append(part)
    return b"".join(parts)


def verb(directory, *words, ok=True):
    """A verb of the program on that directory: (exit status, standard output, standard error)."""
    done = subprocess.run([SERVER, "--data", directory, *USER, *words], capture_output=True, text=True,
                          timeout=60)
    assert not ok or done.returncode == 0, done.stderr
    return done.returncode, done.stdout, done.stderr


def report_id(number):
    return number.to_bytes(15, "little") + b"\x01"


def report(number, client="shop", host=1, created_ns=None, functions=("main", "work"), pad=0, **more):
    """A small report, as a dictionary of the wire format. `pad` bytes of it can't be compressed."""
    strings = ["", "app", "worker", "native", *functions]
    return {
        "schema": "backdraft.report/1",
        "id": report_id(number),
        "created_ns": created_ns or 1764000000000000000 + number * 1000000000,
        "trigger": {"kind": "threshold", "client": client, "value": 2.5,
                    "explanation": f"{client} used 2.5 CPUs"},
        "window": {"start_ns": 1764000000000000000, "end_ns": 1764000060000000000},
        "host": {"id": bytes([host]) * 16, "label": f"host {host}", "cpus": 4, "kernel": "6.1"},
        "client": {"name": client, "version": "1"},
        "strings": strings,
        "threads": {"pid": [7], "tid": [8], "process": [1], "name": [2], "on_cpu_ns": [3000000]},
        "frames": {"name": list(range(4, 4 + len(functions))), "module": [-1] * len(functions),
                   "kind": [3] * len(functions)},
        "stacks": {"parent": list(range(-1, len(functions) - 1)),
                   "frame": list(range(len(functions)))},
        "samples": {"t_ns": [0, 1], "thread": [0, 0], "stack": [0, len(functions) - 1],
                    "weight_ns": [1000000, 2000000]},
        **({"padding": os.urandom(pad)} if pad else {}),
        **more,
    }


def pack(value):
    return gzip.compress(msgpack.packb(value), 1)


def as_json(value):
    """The same report as JSON: an id is hex there."""
    if isinstance(value, dict):
        return {name: as_json(each) for name, each in value.items()}
    if isinstance(value, (list, tuple)):
        return [as_json(each) for each in value]
    return value.hex() if isinstance(value, bytes) else value


class Beside:
    """Another client, with an address of its own, that asks for and stores something all the time. At
    the end it has been served: how often, and how long the slowest answer took."""

    def __init__(self, receiver, source="127.0.0.2"):
        self.receiver, self.source = receiver, source
        self.times, self.failures, self.stopping = [], [], threading.Event()
        self.thread = threading.Thread(target=self._run)

    def _run(self):
        number = 10 ** 9
        while not self.stopping.is_set():
            number += 1
            begin = time.monotonic()
            try:
                c = self.receiver.connection(source=self.source)
                done = self.receiver.post(report(number), connection=c)
                again = self.receiver.get("/v1/reports?limit=1", connection=c)
                c.close()
                if (done.status, again.status) != (200, 200):
                    self.failures.append((done.status, again.status))
            except OSError as why:
                self.failures.append(why)
            self.times.append(time.monotonic() - begin)
            self.stopping.wait(0.02)

    def __enter__(self):
        self.thread.start()
        return self

    def __exit__(self, *_):
        self.stopping.set()
        self.thread.join()

    def check(self):
        assert not self.failures, self.failures[:3]
        assert self.times
        return f"{len(self.times)} times served beside, {1000 * max(self.times):.0f} ms at most"


@contextlib.contextmanager
def directory():
    """One that every user can enter, for a receiver that isn't root."""
    path = pathlib.Path(tempfile.mkdtemp(prefix="backdraft-server-test-"))
    os.chmod(path, 0o755)
    try:
        yield path
    finally:
        shutil.rmtree(path)
