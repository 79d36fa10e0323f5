# SPDX-License-Identifier: BSD-2-Clause
"""A proxy between uploader and receiver that does what networks and middle boxes do: it cuts, delays,
duplicates, reorders, answers in the receiver's name, and lies about lengths. Seeded."""

import random
import socket
import threading
import time

FAULTS = ("cut_before", "cut_request", "cut_answer", "drop_answer", "delay", "twice", "late", "500",
          "429", "503", "lie_short", "lie_long", "garbage")


class LyingProxy:
    """`share` of the requests get a fault; .told counts them by name."""

    def __init__(self, to_port, share, seed):
        self.to_port, self.share, self.random = to_port, share, random.Random(seed)
        self.lock, self.told, self.held = threading.Lock(), dict.fromkeys(FAULTS, 0), []
        self.socket = socket.create_server(("127.0.0.1", 0), backlog=64)
        self.port = self.socket.getsockname()[1]
        threading.Thread(target=self.accept, daemon=True).start()

    def close(self):
        self.share = 0
        self.socket.shutdown(socket.SHUT_RDWR)
        self.socket.close()

    def accept(self):
        while True:
            try:
                connection, _ = self.socket.accept()
            except OSError:
                return
            threading.Thread(target=self.serve, args=(connection,), daemon=True).start()

    def serve(self, connection):
        try:
            with connection:
                connection.settimeout(60)
                stream = connection.makefile("rb")
                while self.request(connection, stream):
                    pass
        except OSError:
            pass

    @staticmethod
    def read(stream):
        """A request or an answer with its length, as it came; None at the end."""
        head, size = b"", 0
        while not head.endswith(b"\r\n\r\n"):
            line = stream.readline(65536)
            if not line:
                return None
            head += line
            if line.lower().startswith(b"content-length:"):
                size = int(line.partition(b":")[2])
        body = stream.read(size)
        return (head, body) if len(body) == size else None

    def forward(self, request, cut=None):
        """The receiver's answer, or None."""
        with socket.create_connection(("127.0.0.1", self.to_port), timeout=30) as there:
            # A port of its own, drawn for a receiver that is away: it would talk to itself.
            if there.getsockname() == there.getpeername():
                raise OSError("nobody is there")
            data = b"".join(request)
            there.sendall(data[:len(data) * cut // 100] if cut else data)
            return None if cut else self.read(there.makefile("rb"))

    def choose(self):
        with self.lock:
            fault = None
            if self.random.random() < self.share:
                fault = self.random.choice(FAULTS)
                self.told[fault] += 1
            return fault, self.random.randrange(20, 95), self.random.random()

    def request(self, connection, stream):
        request = self.read(stream)
        if not request:
            return False
        fault, percent, part = self.choose()
        if fault == "cut_before":
            return False
        if fault == "cut_request":
            self.forward(request, cut=percent)
            return False
        if fault == "late":
            with self.lock:
                self.held.append(request)
            connection.sendall(b"HTTP/1.1 503 X\r\nContent-Length: 0\r\n\r\n")
            return True
        if fault in ("500", "429", "503"):
            connection.sendall(b"HTTP/1.1 %s X\r\nRetry-After: %d\r\nContent-Length: 0\r\n\r\n" %
                               (fault.encode(), fault == "429"))
            return True
        if fault == "delay":
            time.sleep(part / 2)
        answer = self.forward(request)
        if fault == "twice":
            answer = self.forward(request)
        self.release_held()
        if not answer or fault == "drop_answer":
            return False
        return self.give(connection, fault, percent, *answer)

    def release_held(self):
        """What was held back arrives now, behind one that was sent after it."""
        with self.lock:
            held, self.held = self.held, []
        for request in held:
            self.forward(request)

    @staticmethod
    def give(connection, fault, percent, head, body):
        if fault == "garbage":
            connection.sendall(b"\x16\x03" + body[::-1])
            return False
        if fault in ("lie_short", "lie_long"):
            size = len(body)
            wrong = size - 5 if fault == "lie_short" else size + 5
            head = head.lower().replace(b"content-length: %d" % size, b"content-length: %d" % wrong)
        data = head + body
        connection.sendall(data[:len(data) * percent // 100] if fault == "cut_answer" else data)
        return fault not in ("cut_answer", "lie_short", "lie_long")
