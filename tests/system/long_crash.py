# SPDX-License-Identifier: BSD-2-Clause
"""Crashes at length, by `make test-crash-long`: each death with and without a core file, with many
threads, and real programs aborted again and again."""

import itertools
import shutil
import signal

import pytest

import crashes
from test_crash import DEATHS

MANY = 2000
TIMES = 5
ONE_OF_EACH = {name: DEATHS[name] for name in (
    "c-null", "c-nowhere", "c-write", "c-abort", "c-divide", "c-bus", "c-illegal", "c-trap", "c-again")}


def check(daemon, process, name, death):
    """It died as it should, and each of its threads is in the functions that it says."""
    args, signal_name, functions, words = death
    assert process.wait(120) == -signal.Signals[signal_name]
    dump = daemon.dump_of(process.pid)
    assert dump.raw["signal_name"] == signal_name
    assert dump.functions(dump.first, name) == functions + ["_start"], dump.first
    assert dump.is_whole(dump.first), dump.first
    for word in words:
        assert word.format(name=name) in dump.trigger["explanation"]
    crashes.check_known_threads(dump, name, args[1])
    return dump


@pytest.mark.parametrize("name, core", itertools.product(ONE_OF_EACH, (False, True)))
def test_each_death_with_and_without_a_core_file(watching, name, core):
    args, death, functions, words = ONE_OF_EACH[name]
    client = name.replace("c-", "l-")
    daemon, programs = watching(crashes.CLIENT.format(name=client, match=client, more=""))
    args = [args[0], 50, "all", "told"]
    process = programs.start(client, *args, core=core)
    daemon.wait_for(lambda: daemon.client(client)["crash_ready"])
    process.stdin.close()
    check(daemon, process, client, (args, death, functions, []))


@pytest.mark.parametrize("how, core", itertools.product(("write", "abort"), (False, True)))
def test_many_threads_with_and_without_a_core_file(watching, how, core, capsys):
    daemon, programs = watching(crashes.CLIENT.format(name="l-many", match="l-many", more=""))
    args = [how, MANY, "all", "told"]
    process = programs.start("l-many", *args, core=core)
    daemon.wait_for(lambda: daemon.client("l-many")["crash_ready"])
    process.stdin.close()
    number = "SIGSEGV" if how == "write" else "SIGABRT"
    dump = check(daemon, process, "l-many",
                 (args, number, [f"die_{how}", "main"], [f"; {MANY + 1} threads"]))
    spent_us = sum(thread["walk_ns"] for thread in dump.threads) / 1000
    with capsys.disabled():
        print(f"\n{MANY + 1} threads, {how}, core {'on' if core else 'off'}: "
              f"{spent_us / (MANY + 1):.1f} us a thread")


@pytest.mark.parametrize("name, core", itertools.product(crashes.ABORTED, (False, True)))
def test_real_programs_again_and_again(tmp_path, name, core):
    """The same crash is reported once: a daemon each time."""
    if not shutil.which(crashes.ABORTED[name][0][0]):
        pytest.skip(f"optional: no {name} on this machine")
    for turn in range(TIMES):
        directory = tmp_path / str(turn)
        directory.mkdir()
        daemon = crashes.Daemon(directory, crashes.CLIENT.format(name="real", match=name, more=""))
        programs = crashes.Programs(directory)
        try:
            crashes.abort_real(daemon, programs, directory, name, core)
        finally:
            programs.end()
            daemon.stop()
