# SPDX-License-Identifier: BSD-2-Clause
"""Names that no report has any more go from the store, while reports come in."""

import pytest
import srv

FUNCTIONS = 30
BATCH = 100


def batch(first):
    """Reports that have nothing in common: no client, thread, module or function."""
    return [srv.report(n, client=f"client {n}", host=n % 250 + 1,
                       functions=[f"function_{n}_{k}" for k in range(FUNCTIONS)])
            for n in range(first, first + BATCH)]


def put(receiver, connection, first):
    answer = receiver.post(srv.pack(batch(first)), connection=connection)
    assert answer.status == 200, answer.body


def rows(receiver):
    return {name: receiver.metric(f"store_{name}")
            for name in ("reports", "functions", "stacks", "texts", "bytes", "file_bytes")}


def settle(receiver, keep_bytes):
    """As many reports stay as fit with their names, of about 7,000 bytes each; not one in ten."""
    srv.wait_for(lambda: rows(receiver)["bytes"] < 1.05 * keep_bytes, "the store fits")
    fit = keep_bytes / 7000
    assert 0.6 * fit < rows(receiver)["reports"] < 1.2 * fit, rows(receiver)


@pytest.mark.parametrize("how", ["bounded", "smaller"])
def test_names_go(start, place, how):
    """A store that is full takes new names all the time and does not grow; and one that may keep less
    at its next start becomes smaller, down to its file."""
    receiver = start("--keep-bytes", "6M" if how == "bounded" else "1G")
    connection = receiver.connection()
    with srv.Beside(receiver) as beside:
        for first in range(0, 3000, BATCH):
            put(receiver, connection, first)
        if how == "bounded":
            srv.wait_for(lambda: rows(receiver)["functions"] < 0.7 * 3000 * FUNCTIONS, "names go")
            srv.wait_for(lambda: rows(receiver)["file_bytes"] < 12 << 20, "the file is small")
    print(beside.check(), rows(receiver))
    full = rows(receiver)
    if how == "bounded":
        settle(receiver, 6 << 20)
    else:
        assert full["reports"] >= 3000 and full["functions"] >= 3000 * FUNCTIONS
        receiver.stop()
        receiver = start("--keep-bytes", "4M")
        with srv.Beside(receiver) as beside:
            srv.wait_for(lambda: rows(receiver)["functions"] < 1000 * FUNCTIONS, "the names go")
            srv.wait_for(lambda: rows(receiver)["file_bytes"] < full["file_bytes"] / 2, "so does the file")
        print(beside.check(), rows(receiver))
        settle(receiver, 4 << 20)
    receiver.stop()
    assert srv.verb(place / "data", "fsck")[1].endswith("nothing is wrong\n")
