# SPDX-License-Identifier: BSD-2-Clause
"""Fixtures of the receiver's tests. They need neither root nor BPF; as root it becomes nobody."""

import pathlib

import pytest

import srv


@pytest.fixture(scope="session", autouse=True)
def built():
    for path in (srv.SERVER, srv.BACKDRAFT, srv.SYNTH):
        assert path.exists(), f"{path} is missing: `make all progs` builds it"


@pytest.fixture
def place():
    """A directory for one test."""
    with srv.directory() as path:
        yield path


@pytest.fixture
def start(place):
    """Starts receivers on that directory, and ends them."""
    started = []

    def begin(*options, **more):
        started.append(srv.Receiver(pathlib.Path(place) / "data", *options, **more))
        return started[-1]

    yield begin
    for receiver in started:
        receiver.stop()
        receiver.log.close()
