# SPDX-License-Identifier: BSD-2-Clause
"""Programs that nobody here wrote, from the distribution: at least 99.5 % of the user samples of
each end at a root. What is missing is printed by its reason."""

import collections
import contextlib
import functools
import os
import struct

import pytest

import bd
from real_programs import ONE_SHOT, SERVERS, Missing, make_inputs, needs

RATE = 997
ROOTS = ("_start", "__libc_start_main", "__libc_start_call_main", "clone", "clone3",
         "__clone3", "start_thread")


@functools.lru_cache(None)
def entry_of(path):
    """Where a program begins: `_start`, which has no name once it is stripped."""
    with open(path, "rb") as file:
        return struct.unpack_from("<Q", file.read(64), 24)[0]


def is_root(frame, report):
    """A known entry, or a function without a name that has none: in libc, or where it begins."""
    if frame["name"].startswith(ROOTS):
        return True
    if frame["module"] < 0 or "+0x" not in frame["name"]:
        return False
    path = report.modules[frame["module"]]["path"]
    if "libc.so" in path or "ld-linux" in path:
        return True
    return os.path.exists(path) and 0 <= frame["offset"] - entry_of(path) < 64


def check(report, of, least=150):
    """Samples of the processes named `of` (all, if None): whole, and ended at a root."""
    total, bad = 0, collections.Counter()
    for sample in report.samples:
        thread = report.threads[sample["thread"]]
        if of and thread["process"] not in of:
            continue
        frames = report.stack(sample["stack"]) if sample["stack"] >= 0 else []
        user = [frame for frame in frames if frame["kind"] != "kernel"]
        if frames and not user:
            continue  # in the kernel, without memory of its own: exec and exit
        total += 1
        cut = [frame["name"] for frame in user if frame["kind"] == bd.CUT]
        if not user:
            bad["stack lost"] += 1
        elif cut:
            bad[cut[0]] += 1
        elif not is_root(user[-1], report):
            bad[f"ends in {user[-1]['name']}"] += 1
    assert total >= least, f"only {total} samples"
    share = 100 * (1 - sum(bad.values()) / total)
    print(f"{share:.2f} % of {total} whole; {dict(bad)}")
    assert share >= 99.5, f"{share:.2f} % of {total}: {bad.most_common(8)}"


@pytest.fixture(scope="module")
def inputs(tmp_path_factory):
    return make_inputs(tmp_path_factory.mktemp("inputs"))


@pytest.mark.parametrize("name", list(ONE_SHOT))
def test_one_shot(tmp_path, inputs, name):
    command, of = ONE_SHOT[name]
    try:
        needs(command[0])
    except Missing as why:
        pytest.skip(f"optional: {why}")
    command = [inputs.get(word, word) for word in command]
    out = tmp_path / "a.bdr"
    done = bd.backdraft("capture", "-F", str(RATE), "-o", out, "--", "/bin/sh", "-c",
                        'exec "$0" "$@" >/dev/null 2>&1', *command)
    assert done.status == 0, done.stderr
    report = bd.Report(out)
    assert report.raw["command"]["exit_status"] == (1 if name == "git" else 0)
    check(report, of)


@pytest.mark.parametrize("name", list(SERVERS))
def test_server(public_dir, tmp_path, name):
    with contextlib.ExitStack() as stack:
        try:
            stack.enter_context(SERVERS[name](public_dir))
        except Missing as why:
            pytest.skip(f"optional: {why}")
        report = bd.capture(tmp_path / "a.bdr", "-d", "3", "-F", str(RATE), "-c", name)
    check(report, [name])
