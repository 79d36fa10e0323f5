# SPDX-License-Identifier: BSD-2-Clause
"""Fixtures of the tests on a real kernel. What they lack of the machine is told one level above."""

import os
import shutil
import tempfile

import pathlib
import subprocess

import pytest

import bd
import crashes
from watching import BURNER, Daemon

# Files of tests that measure no time, and so may run beside others. A new file runs alone.
BESIDE = ("test_ask", "test_bad_input", "test_chains", "test_crash", "test_crash_gdb",
          "test_crash_logs", "test_crash_ways", "test_diff", "test_dump", "test_end_to_end",
          "test_export", "test_logs", "test_nothing_lost", "test_places", "test_privacy",
          "test_reader", "test_real_programs", "test_replay", "test_self_check", "test_spool",
          "test_static", "test_symbols", "test_tables", "test_unwind_bpf", "test_upload",
          "test_upload_http2", "test_verbs", "test_views")


def pytest_configure(config):
    config.addinivalue_line("markers", "beside: measures no time, may run beside others")


def pytest_collection_modifyitems(items):
    for item in items:
        if item.path.stem in BESIDE:
            item.add_marker(pytest.mark.beside)


@pytest.fixture(scope="session", autouse=True)
def built():
    for path in (bd.BACKDRAFT, bd.PROGS / "shares"):
        assert path.exists(), f"{path} is missing: `make all progs` builds it"


@pytest.fixture
def public_dir():
    """A directory that every user can enter, for what runs without root."""
    path = pathlib.Path(tempfile.mkdtemp(prefix="backdraft-test-"))
    os.chmod(path, 0o755)
    yield path
    shutil.rmtree(path)


def openssl(*words, cwd):
    subprocess.run(["openssl", *map(str, words)], cwd=cwd, check=True, capture_output=True)


@pytest.fixture(scope="session")
def certificates(tmp_path_factory):
    """An authority, a stranger, and certificates for 127.0.0.1: good, expired, of another name."""
    at = tmp_path_factory.mktemp("tls")
    key = ("-newkey", "ec", "-pkeyopt", "ec_paramgen_curve:P-256", "-nodes")
    for who in ("ca", "stranger"):
        openssl("req", "-x509", *key, "-keyout", f"{who}.key", "-out", f"{who}.pem", "-days", 30,
                "-subj", f"/CN=test {who}", cwd=at)
    (at / "ca.conf").write_text("[ca]\ndefault_ca = d\n[d]\ndatabase = index\nnew_certs_dir = .\n"
                                "rand_serial = yes\ndefault_md = sha256\npolicy = p\n"
                                "copy_extensions = copy\n[p]\ncommonName = supplied\n")
    (at / "index").write_text("")
    (at / "index.attr").write_text("unique_subject = no\n")
    for name, host, start, end in (("good", "IP:127.0.0.1", "20200101000000Z", "20500101000000Z"),
                                   ("expired", "IP:127.0.0.1", "20200101000000Z", "20200201000000Z"),
                                   ("other", "DNS:example.org", "20200101000000Z",
                                    "20500101000000Z")):
        openssl("req", *key, "-keyout", f"{name}.key", "-out", f"{name}.csr", "-subj", f"/CN={name}",
                "-addext", f"subjectAltName={host}", cwd=at)
        openssl("ca", "-batch", "-config", "ca.conf", "-cert", "ca.pem", "-keyfile", "ca.key",
                "-startdate", start, "-enddate", end, "-in", f"{name}.csr", "-out", f"{name}.pem",
                "-notext", cwd=at)
    return at


@pytest.fixture(scope="session")
def busy(tmp_path_factory):
    """One report of a mixed load, for the tests of what is made of a report."""
    out = tmp_path_factory.mktemp("busy") / "busy.bdr"
    return bd.capture(out, "-F", "499", command=[bd.prog("mixed"), "3000"])


@pytest.fixture
def daemon(build_dir, tmp_path):
    made = []

    def make(clients=BURNER, **more):
        made.append(Daemon(build_dir, tmp_path, clients, **more))
        return made[-1].start()

    yield make
    for d in made:
        d.stop()


@pytest.fixture
def program(build_dir):
    """Runs one of tests/progs until the end of the test."""
    running = []

    def run(name, *args, **more):
        running.append(subprocess.Popen([str(build_dir / "tests/progs" / name), *map(str, args)],
                                        stdout=subprocess.DEVNULL, **more))
        return running[-1]

    yield run
    for p in running:
        p.kill()
        p.wait()


@pytest.fixture
def watching(tmp_path):
    """Makes a daemon that waits for crashes of these clients, and the programs: (daemon, programs)."""
    made = []

    def make(*clients):
        daemon, programs = crashes.Daemon(tmp_path, *clients), crashes.Programs(tmp_path)
        made.append((daemon, programs))
        return daemon, programs

    yield make
    for daemon, programs in made:
        programs.end()
        daemon.stop()
