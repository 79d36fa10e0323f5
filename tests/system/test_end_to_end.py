# SPDX-License-Identifier: BSD-2-Clause
"""The whole way: a trigger, the spool, the daemon's uploader, the receiver, and back out of it."""

import gzip
import json
import os
import pathlib
import re
import shutil
import signal
import subprocess
import time
import urllib.request

import bd
import pytest

SERVER = bd.BUILD / "backdraft-server"
CONFIG = """[agent]
state_dir = {dir}/state
spool_dir = {dir}/spool
socket = {dir}/socket
before = 4s
after = 1s
[upload]
url = {url}
token_file = {dir}/token
heartbeat = http
[machine]
deviation = off
"""

pytestmark = pytest.mark.skipif(os.geteuid() != 0, reason="needs root")


def wait_for(what, seconds=40):
    end = time.monotonic() + seconds
    while time.monotonic() < end:
        if (value := what()):
            return value
        time.sleep(0.05)
    raise AssertionError(f"not within {seconds} s")


class Server:
    """backdraft-server on loopback, with a token, in a directory of its own."""

    def __init__(self, directory):
        self.data = pathlib.Path(directory) / "data"
        self.data.mkdir(mode=0o700)
        shutil.chown(self.data, "nobody")
        self.words = [SERVER, "--data", self.data, "--user", "nobody"]
        done = bd.run([*self.words, "token", "create", "test", "ingest,read"])
        assert done.status == 0, done.stderr
        self.token = re.search(r"\S{20,}", done.stdout)[0]
        self.log = open(pathlib.Path(directory) / "server.log", "ab")
        self.port, self.process = 0, None

    def start(self):
        """Anew on the same port, which somebody's own end of a connection may have for a moment."""
        path = pathlib.Path(self.log.name)
        wait_for(lambda: self.try_start() or not path.read_bytes().rstrip().endswith(
            b"Address already in use"))
        assert self.process.poll() is None, path.read_text()
        return self

    def try_start(self):
        self.process = subprocess.Popen(
            list(map(str, [*self.words, "--listen", f"127.0.0.1:{self.port}"])), stderr=self.log)
        said = re.compile(rb".*listening on http://127\.0\.0\.1:(\d+)", re.S)
        path = pathlib.Path(self.log.name)
        starts = path.read_bytes().count(b"listening on")
        wait_for(lambda: path.read_bytes().count(b"listening on") > starts or
                 self.process.poll() is not None)
        if self.process.poll() is not None:
            return False
        self.port = int(said.match(path.read_bytes())[1])
        return True

    def get(self, path):
        request = urllib.request.Request(f"http://127.0.0.1:{self.port}{path}",
                                         headers={"Authorization": f"Bearer {self.token}"})
        opener = urllib.request.build_opener(urllib.request.ProxyHandler({}))
        with opener.open(request, timeout=30) as answer:
            return answer.read()

    def ids(self):
        return [row["id"] for row in json.loads(self.get("/v1/reports?limit=1000"))["reports"]]

    def stop(self):
        if self.process and self.process.poll() is None:
            self.process.kill()
            self.process.wait()
        self.log.close()


class Agent:
    def __init__(self, directory):
        self.dir = pathlib.Path(directory)
        self.config = self.dir / "agent.conf"
        self.process = None

    def configure(self, url):
        self.config.write_text(CONFIG.format(dir=self.dir, url=url))

    def start(self):
        self.log = open(self.dir / "agent.log", "ab")
        starts = self.said().count("watching: process")
        self.process = subprocess.Popen(
            [str(bd.BACKDRAFT), "watch", "--config", str(self.config)], stderr=self.log)
        wait_for(lambda: self.said().count("watching: process") > starts or
                 self.process.poll() is not None)
        assert self.process.poll() is None, self.said()

    def said(self):
        return (self.dir / "agent.log").read_text()

    def trigger(self):
        """A report by hand, which is whole when this returns; its path."""
        before = self.said().count("machine: report ")
        done = bd.backdraft("trigger", "--config", self.config)
        assert done.status == 0, done.stderr
        wait_for(lambda: self.said().count("machine: report ") > before)
        return pathlib.Path(re.findall(r"machine: report (\S+\.bdr)", self.said())[-1])

    def status(self):
        done = bd.backdraft("status", "--json", "--config", self.config)
        assert done.status == 0, done.stderr
        return json.loads(done.stdout)

    def uploader(self):
        return int(self.status()["upload"]["pid"])

    def stop(self):
        if self.process and self.process.poll() is None:
            self.process.kill()
            self.process.wait()


def test_a_report_of_the_first_version(server, public_dir):
    """One that has waited since the first version of the wire format is sent, stored, found and exported
    as it is, and `spool` calls it whole."""
    ident, spool = "00112233445566778899aabbccddeeff", public_dir / "spool"
    server.start()
    spool.mkdir(mode=0o755)
    name = f"20251124T160100Z-threshold-shop-{ident}.bdr"
    made = subprocess.run([bd.BUILD / "tests" / "make" / "make_first_report", ident, "1764000061"],
                          check=True, capture_output=True).stdout
    (spool / name).write_bytes(made)
    assert b"scrub" not in gzip.decompress(made)
    listed = bd.run([bd.BACKDRAFT, "spool", "--dir", spool, "--verify"])
    assert listed.status == 0 and "whole" in listed.stdout, listed
    config = public_dir / "old.conf"
    config.write_text(f"[agent]\nspool_dir = {spool}\n[upload]\nurl = http://127.0.0.1:{server.port}\n"
                      f"token_file = {public_dir}/old.token\n")
    (public_dir / "old.token").write_text(server.token)
    (public_dir / "old.token").chmod(0o600)
    done = bd.backdraft("upload", "--config", config, "--once")
    assert (done.status, done.stderr) == (0, "") and not list(spool.glob("*.bdr"))
    [row] = json.loads(server.get("/v1/reports?client=shop&kind=threshold&function=inner"))["reports"]
    assert (row["id"], row["version"], row["samples"]) == (ident, "1.2", 2)
    assert gzip.decompress(server.get(f"/v1/reports/{ident}")) == gzip.decompress(made)
    folded = server.get(f"/v1/reports/{ident}/export?format=folded").decode()
    assert set(folded.splitlines()) == {"shop;worker;main 1000", "shop;worker;main;work;inner 2000"}
    assert b"<html" in server.get(f"/v1/reports/{ident}/export?format=html")


@pytest.fixture
def server(public_dir):
    there = Server(public_dir)
    yield there
    there.stop()


@pytest.fixture
def agent(public_dir, server):
    here = Agent(public_dir)
    (public_dir / "token").write_text(server.token)
    (public_dir / "token").chmod(0o600)
    yield here
    here.stop()


def is_alive(pid):
    try:
        return pathlib.Path(f"/proc/{pid}/stat").read_text().rpartition(")")[2].split()[0] != "Z"
    except OSError:
        return False


def test_trigger_to_export(server, agent, public_dir):
    """What comes out of the receiver as folded stacks is what the file has, byte for byte."""
    agent.configure("")
    (public_dir / "spool").mkdir(mode=0o700)
    (public_dir / "spool" / ".dropped").write_text("deviation 3\n")
    agent.start()
    wait_for(lambda: agent.status()["agent"]["uptime_s"] > 3)
    path = agent.trigger()
    kept = shutil.copy(path, public_dir / "kept.bdr")
    assert agent.uploader() == 0, "without a url nothing runs"
    assert (path.stat().st_mode & 0o777, path.parent.stat().st_mode & 0o777) == (0o600, 0o700)
    server.start()
    agent.configure(f"http://127.0.0.1:{server.port}")
    agent.process.send_signal(signal.SIGHUP)
    wait_for(lambda: not path.exists())
    report = bd.Report(kept)
    ident = report.raw["id"].hex()
    assert server.ids() == [ident]
    assert report.raw["spool_dropped"] == {"deviation": 3}, "what was dropped before is told with it"
    assert path.name.split("-")[1] == "manual" and path.name.endswith(f"{ident}.bdr")
    done = bd.backdraft("export", kept, "-f", "folded", "-o", "-")
    assert done.status == 0 and len(done.stdout) > 100
    assert server.get(f"/v1/reports/{ident}/export?format=folded").decode() == done.stdout
    upload = wait_for(lambda: agent.status()["upload"])
    assert (upload["sent"], upload["rejected"], upload["damaged"], upload["error"]) == (1, 0, 0, "")
    assert "sent to http://127.0.0.1" in bd.backdraft("status", "--config", agent.config).stdout


def test_kills_on_both_ends(server, agent):
    """The uploader and the receiver are killed, the spool outlives the daemon: nothing is missing."""
    server.start()
    agent.configure(f"http://127.0.0.1:{server.port}")
    agent.start()
    first = wait_for(agent.uploader)
    # It starts as root, and lets go of that before it looks at anything.
    wait_for(lambda: pathlib.Path(f"/proc/{first}").stat().st_uid != 0)
    paths = [agent.trigger()]
    wait_for(lambda: len(server.ids()) == 1)
    os.kill(first, signal.SIGKILL)
    second = wait_for(lambda: agent.uploader() not in (0, first) and agent.uploader())
    server.process.kill()
    server.process.wait()
    paths.append(agent.trigger())
    wait_for(lambda: agent.status()["upload"]["error"])
    # The first one too, if its uploader died between the answer and the removal.
    assert agent.status()["spool"]["reports"] in (1, 2)
    server.start()
    wait_for(lambda: len(server.ids()) == 2)
    wait_for(lambda: not any(path.exists() for path in paths))
    agent.process.kill()
    agent.process.wait()
    wait_for(lambda: not is_alive(second))
    ids = server.ids()
    assert sorted(ids) == sorted(path.stem.split("-")[-1] for path in paths)
