# SPDX-License-Identifier: BSD-2-Clause
"""The receiver under a fleet, beside the plainest things that keep the same promise: a file a report, with
fsync and rename, behind nginx's WebDAV PUT (which does not fsync) and without any server at all."""

import contextlib
import json
import os
import pathlib
import re
import shutil
import signal
import subprocess
import time
import urllib.request

from .common import BUILD, NotAvailable, line, median

SERVER = BUILD / "backdraft-server"
FLEETSIM = BUILD / "tools" / "fleetsim"
SECONDS = 5
SIZES = (20000, 100000)
AIM = {20000: "at least 3,000"}


def fleet(*words):
    done = subprocess.run([FLEETSIM, "--seconds", str(SECONDS), *map(str, words)], capture_output=True, text=True)
    if done.returncode:
        raise NotAvailable((done.stderr or done.stdout).strip()[:100])
    return json.loads(done.stdout)


def open_to_all(directory):
    """The temporary directory is root's alone; who gives root up must get through."""
    for path in (pathlib.Path(directory), *pathlib.Path(directory).parents):
        if path.stat().st_uid == os.geteuid() and not path.stat().st_mode & 0o001:
            os.chmod(path, path.stat().st_mode | 0o011)


class Receiver:
    def __init__(self, directory):
        open_to_all(directory)
        self.data = pathlib.Path(directory) / "data"
        self.log = pathlib.Path(directory) / "log"
        user = ["--user", "nobody"] if os.geteuid() == 0 else []
        with open(self.log, "wb") as log:
            self.process = subprocess.Popen(
                [SERVER, *user, "--data", self.data, "--listen", "127.0.0.1:0",
                 "--limit", "requests_per_second=1000000"], stderr=log, stdin=subprocess.DEVNULL)
        end = time.monotonic() + 10
        while not (found := re.search(r"listening on http://(\S+)", self.log.read_text())):
            if self.process.poll() is not None or time.monotonic() > end:
                raise NotAvailable(self.log.read_text().strip()[-100:])
            time.sleep(0.05)
        self.address = found[1]

    def metric(self, name):
        text = urllib.request.urlopen(f"http://{self.address}/metrics", timeout=30).read().decode()
        return int(re.search(rf"^backdraft_server_{name} (\d+)", text, re.M)[1])

    def cpu_s(self):
        fields = open(f"/proc/{self.process.pid}/stat", encoding="ascii").read().rsplit(")", 1)[1].split()
        return (int(fields[11]) + int(fields[12])) / os.sysconf("SC_CLK_TCK")

    def peak_mb(self):
        text = open(f"/proc/{self.process.pid}/status", encoding="ascii").read()
        return int(re.search(r"VmHWM:\s+(\d+)", text)[1]) / 1024

    def stop(self):
        self.process.send_signal(signal.SIGTERM)
        self.process.wait(30)


@contextlib.contextmanager
def receiver(directory):
    place = pathlib.Path(directory) / "receiver"
    place.mkdir()
    one = Receiver(place)
    try:
        yield one
    finally:
        one.stop()
        shutil.rmtree(place)


NGINX = """
daemon off;
worker_processes 2;
pid {place}/pid;
error_log {place}/error;
events {{ worker_connections 1024; }}
http {{
    access_log off;
    client_body_temp_path {place}/files/.body;
    client_max_body_size 16m;
    client_body_buffer_size 256k;
    proxy_temp_path {place}/p; fastcgi_temp_path {place}/f; uwsgi_temp_path {place}/u; scgi_temp_path {place}/s;
    keepalive_requests 10000000;
    server {{
        listen 127.0.0.1:{port} backlog=1024;
        root {place};
        location /files/ {{ dav_methods PUT; }}
    }}
}}
"""


@contextlib.contextmanager
def nginx(directory):
    program = shutil.which("nginx") or "/usr/sbin/nginx"
    if not os.path.exists(program):
        raise NotAvailable("no nginx: tools/deps test installs it")
    place = pathlib.Path(directory) / "nginx"
    (place / "files").mkdir(parents=True)
    if os.geteuid() == 0:
        open_to_all(place)
        for path in (place, place / "files"):
            os.chmod(path, 0o777)
    port = free_port()
    (place / "conf").write_text(NGINX.format(place=place, port=port))
    child = subprocess.Popen([program, "-c", place / "conf", "-e", place / "error"], stderr=subprocess.DEVNULL)
    try:
        end = time.monotonic() + 10
        while True:
            try:
                urllib.request.urlopen(f"http://127.0.0.1:{port}/", timeout=2)
            except urllib.error.HTTPError:
                break
            except OSError as why:
                if child.poll() is not None or time.monotonic() > end:
                    raise NotAvailable(f"nginx: {(place / 'error').read_text()[-80:]}") from why
                time.sleep(0.05)
        yield f"127.0.0.1:{port}"
    finally:
        child.terminate()
        child.wait(10)
        shutil.rmtree(place)


def free_port():
    import socket
    with socket.socket() as s:
        s.bind(("127.0.0.1", 0))
        return s.getsockname()[1]


def beside_files(directory, size, options, ours):
    """The plain ways, and how many times as many reports a second ours takes."""
    put, files = [], []
    for _ in range(options.runs):
        try:
            with nginx(directory) as address:
                put.append(fleet("--to", address, "--put", "/files/", "--bytes", size)["per_second"])
        except NotAvailable as why:
            line(f"  nginx's WebDAV PUT (no fsync), {size // 1000} KB", f"not available: {why}")
            break
    for _ in range(options.runs):
        place = pathlib.Path(directory) / "files"
        place.mkdir()
        files.append(fleet("--files", place, "--bytes", size)["per_second"])
        shutil.rmtree(place)
    best = max(ours)
    for name, each in (("nginx's WebDAV PUT, which does not fsync", put),
                       ("a file, fsync, rename, fsync, one after the other", files)):
        if each:
            line(f"  beside it: {name}, reports/s", median(each, "{:.0f}"),
                 f"ours {best / max(each):.2f} times as many")


def bench_size(options, directory, size):
    rates, p50, p99, stored, peaks, cpu = [], [], [], [], [], []
    for _ in range(options.runs):
        with receiver(directory) as one:
            result = fleet("--to", one.address, "--bytes", size)
            rates.append(result["per_second"])
            p50.append(result["p50_ms"])
            p99.append(result["p99_ms"])
            stored.append(one.metric("store_bytes") / one.metric("store_reports"))
            cpu.append(1e6 * one.cpu_s() / result["done"])
            peaks.append(one.peak_mb())
    name = f"{size // 1000} KB"
    line(f"reports/s of {name}, durable", median(rates, "{:.0f}"), AIM.get(size, ""))
    line("  until the 200, ms: half of them, and 99 of 100",
         f"{median(p50, '{:.1f}')}, {median(p99, '{:.1f}')}")
    line("  CPU of the receiver for a report, us", median(cpu, "{:.0f}"))
    line("  bytes in the store for a report, names interned", median(stored, "{:.0f}"))
    line("  the most that was resident, MB", median(peaks, "{:.0f}"))
    beside_files(directory, size, options, rates)


def bench_receiver(options, directory):
    print(f"the receiver under 64 connections of a fleet on the same machine, {SECONDS} s each")
    for path in (SERVER, FLEETSIM):
        if not path.exists():
            raise NotAvailable(f"{path} is not built")
    for size in SIZES:
        bench_size(options, directory, size)
    rates, each = [], []
    for _ in range(options.runs):
        with receiver(directory) as one:
            result = fleet("--to", one.address, "--heartbeats", "--hosts", "2000", "--minutes", "1")
            each.append(result["per_second"])
            result = fleet("--to", one.address, "--heartbeats", "--hosts", "2000", "--minutes", "20",
                           "--seed", "2")
            rates.append(result["per_second"])
    line("heartbeats/s, one in a request", median(each, "{:.0f}"))
    line("heartbeats/s, twenty in a request", median(rates, "{:.0f}"))
