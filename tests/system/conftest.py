# SPDX-License-Identifier: BSD-2-Clause
"""Fixtures of the tests on a real kernel. What they lack of the machine is told one level above."""

import os
import shutil
import tempfile

import pathlib
import subprocess

import pytest

import bd
from watching import BURNER, Daemon


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
