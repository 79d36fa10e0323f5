# SPDX-License-Identifier: BSD-2-Clause
"""`backdraft upload` and `backdraft spool`, against a receiver of the test's own that misbehaves."""

import ctypes
import errno
import gzip
import os
import re
import signal
import socket
import subprocess
import threading
import time

import bd
import msgpack
import pytest
import receiver as rx

TOKEN = "bd_0123456789abcdefghijklmnopqrstuv"

pytestmark = pytest.mark.skipif(os.geteuid() != 0, reason="needs root")


class Place:
    """A spool with a configuration, in a directory that every user can enter."""

    def __init__(self, directory):
        self.dir = directory
        self.spool = directory / "spool"
        self.spool.mkdir(mode=0o700)
        self.config = directory / "upload.conf"
        self.token = directory / "token"
        self.token.write_text(TOKEN + "\n")
        self.token.chmod(0o600)

    def configure(self, url, upload="", token=True):
        if token:
            upload += f"\ntoken_file = {self.token}"
        self.config.write_text(f"[agent]\nspool_dir = {self.spool}\nstate_dir = {self.dir}/state\n"
                               f"[upload]\nurl = {url}\n{upload}\n")

    def fill(self, n, first=1, **more):
        return [rx.write_report(self.spool, first + i, **more) for i in range(n)]

    def waiting(self):
        return sorted(path.name for path in self.spool.glob("*.bdr"))

    def once(self, **more):
        return bd.backdraft("upload", "--config", self.config, "--once", **more)

    def run(self, **more):
        return bd.beside(bd.BACKDRAFT, "upload", "--config", self.config, **more)


@pytest.fixture
def place(public_dir):
    return Place(public_dir)


def wait_for(what, seconds=60):
    end = time.monotonic() + seconds
    while time.monotonic() < end:
        if (value := what()):
            return value
        time.sleep(0.02)
    raise AssertionError(f"not within {seconds} s")


def sentence(done):
    """What was said, on one line each, without the program's name."""
    return done.stderr.replace("backdraft: ", "")


def test_every_fault_and_each_report_once(place):
    """Each way of failing, one after the other: nothing is lost, and nothing is there twice."""
    faults = [fault for fault in rx.FAULTS if fault != "slow"] + [500, 429, 503, 404, 302, 201]
    with rx.Receiver(lambda n: faults[n // 2] if n % 2 and n // 2 < len(faults) else None) as there:
        place.configure(there.url())
        ids = place.fill(len(faults) + 5)
        with place.run() as process:
            wait_for(lambda: not place.waiting(), 120)
            assert process.poll() is None
    assert there.stored == {ident: 1 for ident in ids}
    assert set(there.tokens) == {f"Bearer {TOKEN}"}
    assert there.requests > 2 * len(faults) - 2
    assert not list((place.spool / "rejected").glob("*")), "nothing was rejected"


def test_once_sends_in_order_and_ends(place):
    order = []
    with rx.Receiver() as there:
        there.fault = lambda n: order.append(set(there.stored)) and None
        place.configure(there.url())
        ids = place.fill(5)
        done = place.once()
    assert (done.status, done.stderr) == (0, "")
    assert sorted(there.stored) == sorted(ids) and not place.waiting()
    assert order == [set(ids[:n]) for n in range(5)], "the oldest first"
    assert there.connections == 1, "one connection for all"


@pytest.mark.parametrize("status", [400, 413, 422])
def test_rejected(place, status):
    """It is out of the way with the receiver's sentence, which can't write to anybody's terminal."""
    text = b'{"error": "no \\u001b[31m\\nwindow ' + b"x" * 2000 + b'"}'
    with rx.Receiver(lambda n: (status, {}, text) if n == 1 else None) as there:
        place.configure(there.url())
        ids = place.fill(3)
        done = place.once()
    assert done.status == 0 and not place.waiting()
    assert sorted(there.stored) == [ids[0], ids[2]]
    report, said = sorted((place.spool / "rejected").iterdir())
    assert report.name.endswith(f"{ids[1]}.bdr") and said.name == report.name + ".txt"
    assert said.read_text().startswith(f"HTTP {status}: no [31m window xxx")
    assert len(said.read_bytes()) <= 501 and "\x1b" not in said.read_text() + done.stderr


@pytest.mark.parametrize("status", [401, 403])
def test_token_refused(place, status):
    with rx.Receiver(lambda n: status) as there:
        place.configure(there.url())
        place.fill(3)
        done = place.once()
        assert there.requests == 1
        assert done.status == 1 and f"HTTP {status}: told to say {status}" in done.stderr
        assert "trying again in 300 s" in done.stderr and len(place.waiting()) == 3


def test_retry_after(place):
    with rx.Receiver(lambda n: (429, {"Retry-After": "2"}, b"{}") if n == 0 else None) as there:
        place.configure(there.url())
        place.fill(1)
        with place.run():
            wait_for(lambda: not place.waiting())
        assert there.times[1] - there.times[0] >= 2


def test_slow_receiver(place):
    """A receiver that takes the report and doesn't say so: it is asked again, and has it once."""
    with rx.Receiver(lambda n: "slow" if n == 0 else None) as there:
        place.configure(there.url(), "timeout = 1s")
        ids = place.fill(2)
        with place.run():
            wait_for(lambda: not place.waiting())
        assert there.stored == {ident: 1 for ident in ids}


def test_nobody_there(place):
    with rx.Receiver() as there:
        url = there.url()
    place.configure(url)
    place.fill(1)
    done = place.once()
    assert done.status == 1 and "onnect" in done.stderr and "1 reports wait" in done.stderr


def test_token_stays_here(place):
    """Not along a redirect, and not to a proxy in the open."""
    with rx.Receiver() as elsewhere, rx.Receiver(lambda n: "redirect") as there:
        there.redirect_to = elsewhere.url() + "/v1/reports"
        place.configure(there.url())
        place.fill(1)
        environment = dict(os.environ, http_proxy=elsewhere.url(), HTTP_PROXY=elsewhere.url(),
                           all_proxy=elsewhere.url(), ALL_PROXY=elsewhere.url())
        done = place.once(env=environment)
        assert there.requests == 1 and elsewhere.connections == 0
    assert done.status == 1 and "it redirects, which is not followed" in done.stderr
    assert len(place.waiting()) == 1


@pytest.mark.parametrize("url", ["http://example.org", "http://127.0.0.1.example.org:80",
                                 "http://localhost.example.org", "http://user@127.0.0.1",
                                 "ftp://127.0.0.1", "file:///etc/passwd"])
def test_plain_only_to_loopback(place, url):
    place.configure(url)
    place.fill(1)
    done = place.once()
    assert done.status == 2 and "url" in done.stderr and len(place.waiting()) == 1


@pytest.mark.parametrize("mode, content, word", [
    (0o644, TOKEN, "every user can read it; chmod 600"), (0o620, TOKEN, "others can write to it"),
    (0o600, "two words", "it is no token"), (0o600, "", "it is no token"),
    (0o600, "a\r\nX-Evil: 1", "it is no token"), (0o600, "x" * 5000, "too large"), (None, "", "")])
def test_token_file(place, mode, content, word):
    place.configure("http://127.0.0.1:1")
    if mode is None:
        place.token.unlink()
        word = "No such file"
    else:
        place.token.write_text(content)
        place.token.chmod(mode)
    done = place.once()
    assert done.status == 2 and word in done.stderr and str(place.token) in done.stderr


def test_no_url(place):
    place.configure("")
    done = place.once()
    assert done.status == 2 and "nothing leaves this machine" in done.stderr


def test_not_ours(place):
    """Damaged reports are set aside and counted, foreign files neither read nor touched."""
    outside = place.dir / "secret.bdr"
    outside.write_bytes(b"secret")
    with rx.Receiver() as there:
        place.configure(there.url())
        ids = place.fill(2)
        (place.spool / "20240101T000000Z-oom-a-x.bdr").symlink_to(outside)
        os.mkfifo(place.spool / "20240101T000000Z-oom-b-x.bdr")
        (place.spool / "20240101T000000Z-oom-c-x.bdr").mkdir()
        torn = next(place.spool.glob(f"*{ids[1]}.bdr"))
        torn.write_bytes(torn.read_bytes()[:-20])
        (place.spool / "notes").write_text("mine")
        done = place.once()
    assert done.status == 0 and list(there.stored) == ids[:1]
    assert "cut short" in done.stderr and torn.name in done.stderr
    assert (place.spool / "damaged" / torn.name).exists()
    assert "cut short" in (place.spool / "damaged" / (torn.name + ".txt")).read_text()
    assert len(place.waiting()) == 3 and (place.spool / "notes").read_text() == "mine"
    assert '"damaged": 1' in (place.spool / ".upload").read_text()


def test_two_at_once(place):
    """A person's --once beside a running one: never two requests at a time, each report once."""
    with rx.Receiver(lambda n: time.sleep(0.05)) as there:
        place.configure(there.url())
        ids = place.fill(30)
        with place.run():
            others = [bd.start(bd.BACKDRAFT, "upload", "--config", place.config, "--once")
                      for _ in range(3)]
            for other in others:
                out, err = other.communicate(timeout=60)
                assert other.returncode == 0, err
            assert not place.waiting()
    assert there.stored == {ident: 1 for ident in ids}
    assert there.most_busy == 1


def test_child_of_a_daemon_that_has_died(place):
    """It may die before its child has begun to run; then nobody would ever end the child."""
    gone = subprocess.Popen(["/bin/true"])
    gone.wait()
    with rx.Receiver() as there:
        place.configure(there.url())
        place.fill(1)
        for words, status in (([str(gone.pid)], 1), ([], 2), (["x"], 2)):
            done = bd.run([bd.BACKDRAFT, "__upload", place.config, *words], timeout=20)
            assert done.status == status, done.stderr
    assert not there.stored and place.waiting()


def test_confined(place):
    """What it has while it talks: no root, no capability, no way to new ones, a filter."""
    with rx.Receiver() as there:
        place.configure(there.url())
        ids = place.fill(1)
        with place.run() as process:
            wait_for(lambda: not place.waiting())
            status = dict(line.split(":", 1) for line in
                          open(f"/proc/{process.pid}/status").read().splitlines())
            # It goes on with what comes later, without being asked.
            ids += place.fill(3, first=2)
            wait_for(lambda: not place.waiting(), 20)
    assert "0" not in status["Uid"].split() + status["Gid"].split()
    assert status["Groups"].split() == []
    for name in ("CapInh", "CapPrm", "CapEff", "CapBnd", "CapAmb"):
        assert int(status[name], 16) == 0, name
    assert status["NoNewPrivs"].strip() == "1" and status["Seccomp"].strip() == "2"
    assert there.stored == {ident: 1 for ident in ids}


def landlock_abi():
    return ctypes.CDLL(None, use_errno=True).syscall(444, 0, 0, 1)


def test_sees_only_the_spool(public_dir):
    """The spool with all that it needs, sockets and the resolver's files; nothing that is else's,
    though every user may read it."""
    (public_dir / "spool" / "rejected").mkdir(parents=True)
    os.chmod(public_dir / "spool" / "rejected", 0o777)
    (public_dir / "spool2").write_text("another's")
    os.chmod(public_dir / "spool2", 0o644)
    done = bd.run([bd.BUILD / "tests" / "system" / "confine_driver", public_dir / "spool",
                   public_dir / "spool2"])
    assert done.status == 0, done.stderr
    results = {what: int(number) for what, number in (line.split() for line in
                                                      done.stdout.splitlines())}
    may = ("make", "read", "move", "remove", "socket", "hosts")
    assert {what: results[what] for what in may} == dict.fromkeys(may, 0)
    assert results["link"] and results["run"] and results["mount"] and results["root"]
    # Landlock: 5.19 and later, where it is configured.
    if landlock_abi() >= 2:
        for what in ("outside", "passwd", "create"):
            assert results[what] == errno.EACCES, what


def test_killed_anywhere(place):
    """kill -9 at any moment, from the first request on: each report is there, and once."""
    with rx.Receiver(lambda n: time.sleep(0.01)) as there:
        place.configure(there.url())
        ids = place.fill(60)
        for kill in range(8):
            with place.run() as process:
                wait_for(lambda n=there.requests: there.requests > n or not place.waiting())
                time.sleep(0.007 * kill)
                process.send_signal(signal.SIGKILL)
        done = place.once()
    assert done.status == 0 and not place.waiting()
    assert there.stored == {ident: 1 for ident in ids}
    assert len(place.waiting()) == 0


def test_removed_under_it(place):
    with rx.Receiver() as there:
        place.configure(there.url())
        place.fill(1)
        with place.run() as process:
            wait_for(lambda: not place.waiting())
            # It may be writing down what it did.
            wait_for(lambda: not subprocess.run(["rm", "-rf", place.spool], check=False).returncode)
            _, said = process.communicate(timeout=20)
    assert process.returncode == 1 and b"it was removed" in said


def write_beat(spool, number):
    """A minute's file, as the daemon puts it there."""
    (spool / "heartbeats").mkdir(exist_ok=True, mode=0o770)
    batch = {"schema": "backdraft.heartbeats/1", "host": b"h" * 16, "strings": ["", f"c{number}"],
             "beats": {"t_ns": [number]}, "clients": {"beat": [0], "name": [1]}}
    path = spool / "heartbeats" / f"{number:012d}.bdh"
    path.write_bytes(gzip.compress(msgpack.packb(batch)))
    path.chmod(0o644)


def test_heartbeats_after_an_outage(place):
    """All minutes, in their order, in a few requests; damaged ones don't keep the others."""
    with rx.Receiver(lambda n: 503 if n == 0 else None, facts_wanted=lambda: True) as there:
        place.configure(there.url())
        for number in range(150):
            write_beat(place.spool, number)
        (place.spool / "heartbeats" / "000000000070.bdh").write_bytes(b"torn")
        with place.run():
            wait_for(lambda: not list((place.spool / "heartbeats").glob("*.bdh")))
        beats = [(t, batch["strings"][name])
                 for batch in there.beats
                 for t, name in zip(batch["beats"]["t_ns"], batch["clients"]["name"])]
        assert beats == [(n, f"c{n}") for n in range(150) if n != 70]
        assert len(there.beats) == 3
    wait_for(lambda: '"facts_wanted": true' in (place.spool / ".upload").read_text())
    assert '"beats_lost": 1' in (place.spool / ".upload").read_text()


# --- TLS
@pytest.mark.parametrize("name, authority, says", [
    ("good", "ca", None), ("expired", "ca", "certificate has expired"),
    ("other", "ca", "is for another name than the one in url"),
    ("good", "stranger", "unknown CA"), ("good", None, "unknown CA")])
def test_tls(place, certificates, name, authority, says):
    context = rx.tls_context(certificates / f"{name}.pem", certificates / f"{name}.key")
    with rx.Receiver(context=context) as there:
        place.configure(there.url(), f"ca_file = {certificates}/{authority}.pem" if authority
                        else "")
        ids = place.fill(2)
        done = place.once()
    if not says:
        assert (done.status, done.stderr) == (0, "") and there.stored == {i: 1 for i in ids}
        assert there.tokens == [f"Bearer {TOKEN}"] * 2
        return
    assert done.status == 1 and there.requests == 0 and len(place.waiting()) == 2
    assert re.search(rf"TLS: .*{says}", done.stderr), done.stderr


def test_tls_through_a_proxy(place, certificates):
    """The proxy of the environment sees where it goes, and nothing of what is said."""
    context = rx.tls_context(certificates / "good.pem", certificates / "good.key")
    seen = []
    with rx.Receiver(context=context) as there, \
            socket.create_server(("127.0.0.1", 0)) as listener:
        def pump(a, b):
            while (data := a.recv(65536)):
                seen.append(data)
                b.sendall(data)

        def proxy():
            client, _ = listener.accept()
            with client, socket.create_connection(("127.0.0.1", there.port)) as server:
                head = b""
                while b"\r\n\r\n" not in head:
                    head += client.recv(65536)
                seen.append(head)
                client.sendall(b"HTTP/1.1 200 OK\r\n\r\n")
                back = threading.Thread(target=pump, args=(server, client), daemon=True)
                back.start()
                pump(client, server)

        threading.Thread(target=proxy, daemon=True).start()
        place.configure(there.url(), f"ca_file = {certificates}/ca.pem")
        place.fill(1)
        address = f"http://127.0.0.1:{listener.getsockname()[1]}"
        done = place.once(env=dict(os.environ, https_proxy=address, no_proxy=""))
        assert (done.status, done.stderr) == (0, "")
    assert seen[0].startswith(f"CONNECT 127.0.0.1:{there.port} ".encode())
    assert TOKEN.encode() not in b"".join(seen)


def test_authorities_that_are_none(place):
    (place.dir / "ca.pem").write_text("not a certificate")
    place.configure("https://127.0.0.1:2", f"ca_file = {place.dir}/ca.pem")
    done = place.once()
    assert done.status == 2 and "it holds no certificate" in done.stderr


# --- backdraft spool
def test_spool_lists_and_mends(place):
    ids = place.fill(3, kind="crash")
    done = bd.backdraft("spool", "--dir", place.spool)
    assert done.status == 0 and done.stdout.count(" crash ") == 3 and "3 reports" in done.stdout
    names = place.waiting()
    torn = place.spool / names[0]
    torn.write_bytes(torn.read_bytes()[:100])
    cut = place.spool / names[1]
    cut.rename(f"{cut}.partial")
    young = rx.write_report(place.spool, 77)
    young = next(place.spool.glob(f"*{young}.bdr"))
    young.rename(f"{young}.partial")
    (place.spool / ".writing-x").write_bytes(b"half")
    old = time.time() - 3600
    os.utime(f"{cut}.partial", (old, old))
    os.utime(place.spool / ".writing-x", (old, old))
    done = bd.backdraft("spool", "--dir", place.spool, "--verify")
    assert done.status == 1 and "1 whole, 1 damaged, 2 cut short, 0 mended" in done.stdout
    assert torn.exists(), "nothing is touched without --mend"
    done = bd.backdraft("spool", "--dir", place.spool, "--mend")
    assert done.status == 0 and "1 damaged, 2 cut short, 3 mended" in done.stdout, done.stdout
    assert "is being recorded" in done.stdout
    assert place.waiting() == names[1:] and (place.spool / "damaged" / torn.name).exists()
    assert not (place.spool / ".writing-x").exists()
    assert (place.spool / (young.name + ".partial")).exists()
    done = bd.backdraft("spool", "--dir", place.spool, "--verify")
    assert done.status == 0 and "2 whole, 0 damaged" in done.stdout
    assert ids[2] in names[2]


def test_spool_wrong_use(place):
    done = bd.backdraft("spool", "--dir", place.dir / "none")
    assert done.status == 1 and "No such file" in done.stderr
    assert bd.backdraft("spool", "x").status == 2
    assert bd.backdraft("upload", "x").status == 2
