# SPDX-License-Identifier: BSD-2-Clause
"""status, top and trigger against a daemon that is played here."""

import contextlib
import fcntl
import json
import os
import pty
import select
import socket
import struct
import termios
import threading
import time

import bd
import pytest

ANSWER = {
    "schema": "backdraft.status/1",
    "agent": {"version": "9.9", "pid": 42, "uptime_s": 75, "mode": "watching"},
    "sampling": {"rate_hz": 19, "wanted_hz": 19},
    "cost": {"cpu": 0.0021, "budget": 0.01},
    "clients": [
        {"name": "calm", "processes": 1, "cpus": 0.1, "normal_low": 0.05, "normal_high": 0.2},
        {"name": "checkout", "processes": 3, "cpus": 3.1, "normal_low": 0.4, "normal_high": 0.9},
        {"name": "machine", "cpus": 3.3},
    ],
    "rules": [{"client": "checkout", "kind": "deviation", "state": "active", "why": "it is too hot"}],
    "unknown": [{"a": [1, None, True]}],
}
THREADS = [{"client": "checkout", "pid": 7, "tid": 8, "process": "checkout", "name": f"worker-{i}",
            "cpus": i / 10} for i in range(30)]


def good(request):
    if request["verb"] == "trigger":
        if request.get("client") == "nobody":
            return {"error": "no client 'nobody'; there are calm, checkout"}
        return {"text": f"reporting on {request.get('client', 'the machine')}\x1b[2J"}
    return {**ANSWER, "threads": THREADS} if request["verb"] == "top" else ANSWER


@contextlib.contextmanager
def daemon(tmp_path, answer):
    """A server on a socket of its own; what it was asked is in the list. `answer` is JSON or bytes."""
    path, asked = tmp_path / "bd.sock", []
    config = tmp_path / "backdraft.conf"
    config.write_text(f"[agent]\nsocket = {path}\n")
    listener = socket.socket(socket.AF_UNIX)
    listener.bind(str(path))
    listener.listen()

    def serve():
        while True:
            try:
                connection, _ = listener.accept()
            except OSError:
                return
            with connection, connection.makefile("rb") as lines, contextlib.suppress(OSError):
                for line in lines:
                    asked.append(json.loads(line))
                    said = answer(asked[-1])
                    if said is None:
                        break
                    if not isinstance(said, bytes):
                        said = json.dumps(said).encode() + b"\n"
                    # In pieces, and with an empty line behind, as a slow daemon may.
                    connection.sendall(said[:100])
                    time.sleep(0.01)
                    connection.sendall(said[100:] + b"\n")

    threading.Thread(target=serve, daemon=True).start()
    yield str(config), asked
    listener.shutdown(socket.SHUT_RDWR)
    listener.close()


def test_status(tmp_path):
    with daemon(tmp_path, good) as (config, asked):
        done = bd.backdraft("status", "--config", config)
    assert (done.status, done.stderr, asked) == (0, "", [{"verb": "status"}])
    lines = done.stdout.splitlines()
    assert lines[0].startswith("backdraft 9.9, process 42, up 1 min")
    order = [line.split()[-2 if "(" in line else -1] for line in lines if " to " in line or "machine" in line]
    assert order == ["machine", "checkout", "calm"]
    assert "  310.0+    40 to 90 " in done.stdout
    assert "checkout deviation, active: it is too hot" in lines


def test_status_json(tmp_path):
    with daemon(tmp_path, good) as (config, _):
        done = bd.backdraft("status", "--json", "--config", config)
    said = json.loads(done.stdout)
    assert done.status == 0 and done.stdout.count("\n") == 1
    assert said["schema"] == "backdraft.status/1"
    assert said["clients"][1]["normal_high"] == 0.9
    assert said["clients"][2]["normal_high"] is None
    assert said["agent"]["version"] == "9.9"


@pytest.mark.parametrize("operands, request_, status, stdout, stderr", [
    ([], {"verb": "trigger"}, 0, "reporting on the machine?[2J\n", ""),
    (["checkout"], {"verb": "trigger", "client": "checkout"}, 0, "reporting on checkout?[2J\n", ""),
    (["nobody"], {"verb": "trigger", "client": "nobody"}, 1, "",
     "backdraft: no client 'nobody'; there are calm, checkout\n"),
])
def test_trigger(tmp_path, operands, request_, status, stdout, stderr):
    with daemon(tmp_path, good) as (config, asked):
        done = bd.backdraft("trigger", *operands, "--config", config)
    assert (done.status, done.stdout, done.stderr) == (status, stdout, stderr)
    assert asked == [request_]


@pytest.mark.parametrize("answer, message", [
    (None, "the daemon ended, or did not want to answer"),
    (b"nonsense\n", "the answer is no JSON at byte 0"),
    ({"schema": "backdraft.status/7"}, "the answer is no backdraft.status/1"),
    ({"error": "not now"}, "not now"),
])
def test_bad_answers(tmp_path, answer, message):
    def say(request):
        return answer

    with daemon(tmp_path, say) as (config, _):
        done = bd.backdraft("status", "--config", config)
    assert done.status == 1 and done.stdout == ""
    assert done.stderr.endswith(f"{message}\n") and done.stderr.count("\n") == 1


def test_no_daemon(tmp_path):
    config = tmp_path / "c.conf"
    config.write_text(f"[agent]\nsocket = {tmp_path}/none.sock\n")
    for verb in ("status", "top", "trigger"):
        done = bd.backdraft(verb, "--config", str(config))
        assert done.status == 1
        assert done.stderr == (f"backdraft: {tmp_path}/none.sock: no daemon answers; "
                               "is `backdraft watch` running?\n")


def test_wrong_use(tmp_path):
    config = tmp_path / "c.conf"
    config.write_text("[agent]\nsocke = x\n")
    for words, message in ((["status", "x"], "one name too many"), (["trigger", "a", "b"], "'b'"),
                           (["trigger", ""], "no client"), (["top", "-n", "0"], "no number"),
                           (["top", "x"], "one name too many"),
                           (["status", "--config", "/nowhere"], "/nowhere: No such file"),
                           (["status", "--config", str(config)], "c.conf:2: ")):
        done = bd.backdraft(*words)
        assert done.status == 2 and message in done.stderr, words


def test_top_in_a_pipe(tmp_path):
    with daemon(tmp_path, good) as (config, asked):
        done = bd.backdraft("top", "--config", config)
    assert done.status == 0 and asked == [{"verb": "top"}]
    assert "\x1b" not in done.stdout
    assert len(done.stdout.splitlines()) == 24
    assert done.stdout.index("worker-29") < done.stdout.index("worker-28")


@contextlib.contextmanager
def on_terminal(*words, rows=24, columns=80):
    pid, fd = pty.fork()
    if not pid:
        os.execve(bd.BACKDRAFT, ["backdraft", *words], {"TERM": "xterm"})
    fcntl.ioctl(fd, termios.TIOCSWINSZ, struct.pack("HHHH", rows, columns, 0, 0))
    yield pid, fd
    os.close(fd)


def read_until(fd, what, seconds=10):
    seen, end = b"", time.monotonic() + seconds
    while what not in seen:
        assert time.monotonic() < end, seen[-500:]
        if select.select([fd], [], [], 0.1)[0]:
            try:
                seen += os.read(fd, 65536)
            except OSError:
                return seen
    return seen


def exit_status(pid, fd):
    rest = b""
    with contextlib.suppress(OSError):
        while True:
            rest += os.read(fd, 65536)
    return os.waitstatus_to_exitcode(os.waitpid(pid, 0)[1]), rest


@pytest.mark.parametrize("end", ["q", "\x1b", "SIGTERM"])
def test_top_on_a_terminal(tmp_path, end):
    """A screen a second, never more lines than there are; the terminal is as it was in the end."""
    before = time.monotonic()
    with daemon(tmp_path, good) as (config, asked), on_terminal("top", "--config", config) as (pid, fd):
        first = read_until(fd, b"\x1b[J")
        assert b"\x1b[?1049h" in first
        second = read_until(fd, b"\x1b[J")
        took = time.monotonic() - before
        screen = second.split(b"\x1b[H")[-1].split(b"\x1b[J")[0]
        assert screen.count(b"\r\n") <= 23 and b"worker-29" in screen
        if end == "SIGTERM":
            os.kill(pid, 15)
        else:
            os.write(fd, end.encode())
        status, rest = exit_status(pid, fd)
    assert status == 0
    assert rest.endswith(b"\x1b[?7h\x1b[?25h\x1b[?1049l")
    assert 0.8 < took < 10 and len(asked) >= 2
