# SPDX-License-Identifier: BSD-2-Clause
"""Fixtures of the tests on a real kernel. What they lack of the machine is told one level above."""

import os
import shutil
import tempfile

import pathlib

import pytest

import bd


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
