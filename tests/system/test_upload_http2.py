# SPDX-License-Identifier: BSD-2-Clause
"""`backdraft upload` over HTTP/2: nginx, which is no part of the receiver, ends TLS in front of it, and
its log says which protocol was spoken."""

import contextlib
import os
import re
import shutil
import signal
import socket
import subprocess

import pytest
import receiver as rx
from test_end_to_end import Server
from test_upload import Place, wait_for, write_beat

CONFIG = """\
user root; worker_processes 1; daemon off; pid {dir}/pid; error_log {dir}/error.log;
events {{ worker_connections 256; }}
http {{
	log_format protocol '$server_protocol $request_method $uri $status $connection';
	access_log {dir}/access.log protocol;
	client_body_temp_path {dir}/body; proxy_temp_path {dir}/proxy;
	keepalive_requests {requests}; client_max_body_size 16m;
	server {{
		listen 127.0.0.1:{port} ssl{http2};
		ssl_certificate {tls}/good.pem; ssl_certificate_key {tls}/good.key;
		location / {{ proxy_pass http://127.0.0.1:{to}; proxy_http_version 1.1; }}
	}}
}}
"""

pytestmark = pytest.mark.skipif(os.geteuid() != 0, reason="needs root")


class Proxy:
    """nginx on a port of its own, with one worker. Each connection may carry `requests`, and then gets
    a GOAWAY in HTTP/2."""

    def __init__(self, directory, tls, to, http2=True, requests=1000):
        self.dir = directory / "nginx"
        self.dir.mkdir()
        with socket.create_server(("127.0.0.1", 0)) as s:
            self.port = s.getsockname()[1]
        (self.dir / "nginx.conf").write_text(CONFIG.format(
            dir=self.dir, port=self.port, tls=tls, to=to, http2=" http2" if http2 else "",
            requests=requests))
        self.url = f"https://127.0.0.1:{self.port}"

    def __enter__(self):
        with open(self.dir / "said", "wb") as said:
            self.process = subprocess.Popen(
                ["nginx", "-p", str(self.dir), "-c", str(self.dir / "nginx.conf")], stderr=said)
        wait_for(lambda: self.workers() and self.answers())
        return self

    def __exit__(self, *_):
        self.process.terminate()
        self.process.wait(timeout=20)

    def workers(self):
        """The processes that serve; after a SIGHUP two, of which the old one ends."""
        assert self.process.poll() is None, (self.dir / "said").read_text()
        with open(f"/proc/{self.process.pid}/task/{self.process.pid}/children", encoding="ascii") as f:
            return [int(word) for word in f.read().split()]

    def answers(self):
        with contextlib.suppress(OSError), socket.create_connection(("127.0.0.1", self.port), 1):
            return True
        return False

    def kill_workers(self):
        """Whichever has the connection."""
        for pid in self.workers():
            with contextlib.suppress(ProcessLookupError):
                os.kill(pid, signal.SIGKILL)

    def requests(self):
        """(protocol, path, status, connection) of each one in the log."""
        log = (self.dir / "access.log").read_text()
        found = re.findall(r"^(\S+) POST (\S+) (\d+) (\d+)$", log, re.M)
        return [(protocol, path, int(status), int(number)) for protocol, path, status, number in found]


@pytest.fixture
def place(public_dir):
    if not shutil.which("nginx", path=os.environ["PATH"] + ":/usr/sbin"):
        pytest.skip("no nginx: tools/deps test installs it")
    return Place(public_dir)


@pytest.mark.parametrize("http2, protocol", [(True, "HTTP/2.0"), (False, "HTTP/1.1")])
def test_reports_and_heartbeats(place, certificates, http2, protocol):
    """HTTP/2 where it is offered, 1.1 where not; a GOAWAY after three requests does no harm."""
    server = Server(place.dir).start()
    place.token.write_text(server.token + "\n")
    try:
        with Proxy(place.dir, certificates, server.port, http2, requests=3) as proxy:
            place.configure(proxy.url, f"ca_file = {certificates}/ca.pem")
            ids = place.fill(10)
            for number in range(5):
                write_beat(place.spool, number)
            done = place.once()
            assert (done.status, done.stderr) == (0, "")
            requests = proxy.requests()
        assert not place.waiting() and not list((place.spool / "heartbeats").glob("*.bdh"))
        assert sorted(server.ids()) == sorted(ids)
    finally:
        server.stop()
    assert [(path, status) for _, path, status, _ in requests] == \
        [("/v1/reports", 200)] * 10 + [("/v1/heartbeats", 200)]
    assert {said for said, *_ in requests} == {protocol}
    connections = [number for *_, number in requests]
    assert len(set(connections)) >= 4 and len(set(connections)) < 11, connections


def test_connections_that_end_in_the_middle(place, certificates):
    """The proxy's worker is killed while a report is under way, and ends all its connections politely
    while another is: what was not acknowledged is sent again, and nothing is there twice."""
    proxy = None

    def fault(number):
        if number in (3, 11):
            proxy.kill_workers()  # stored, and nobody can say so
        elif number == 7:
            proxy.process.send_signal(signal.SIGHUP)
        return "cut_middle" if number == 9 else None

    with rx.Receiver(fault) as there, Proxy(place.dir, certificates, there.port) as proxy:
        place.configure(proxy.url, f"ca_file = {certificates}/ca.pem")
        ids = place.fill(16)
        with place.run() as process:
            wait_for(lambda: not place.waiting())
            assert process.poll() is None
        requests = proxy.requests()
    assert there.stored == {ident: 1 for ident in ids}
    assert there.requests >= len(ids) + 3, "those three came twice"
    assert {said for said, *_ in requests} == {"HTTP/2.0"}
    assert not list((place.spool / "rejected").glob("*"))
