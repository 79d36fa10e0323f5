# SPDX-License-Identifier: BSD-2-Clause
"""What is promised of every verb: help on standard output, wrong use is 2 and one line."""

import os

import pytest

import bd

VERBS = ("capture", "dump", "show", "export", "doctor", "schema")


@pytest.mark.parametrize("verb", VERBS)
def test_help_of_a_verb(verb):
    done = bd.backdraft(verb, "--help")
    assert done.status == 0 and verb in done.stdout and not done.stderr


@pytest.mark.parametrize("verb", VERBS)
def test_unknown_option(verb):
    bd.one_error_line(bd.backdraft(verb, "--no-such-option"), "no-such-option", status=(2,))


def test_help_names_the_verbs():
    done = bd.backdraft("--help")
    assert done.status == 0
    assert all(verb in done.stdout for verb in VERBS)


def test_version():
    done = bd.backdraft("--version")
    assert done.status == 0 and done.stdout.startswith("backdraft ")


def test_unknown_verb():
    bd.one_error_line(bd.backdraft("burn"), "burn", status=(2,))


def test_doctor_finds_this_machine_fit():
    done = bd.backdraft("doctor")
    assert done.status == 0 and "BTF" in done.stdout
    assert "ok    living threads" in done.stdout


def test_schema_names_every_table():
    done = bd.backdraft("schema")
    assert done.status == 0
    for name in ("threads", "on_cpu_ns", "not_sampled_ns", "samples", "weight_ns", "reasons"):
        assert name in done.stdout


def test_command_runs_with_the_priority_it_would_have_had(tmp_path):
    """The recorder goes before the load; what it profiles must not."""
    out = tmp_path / "nice.txt"
    bd.capture(tmp_path / "a.bdr", command=["sh", "-c", f"ps -o ni= -p $$ >{out}"])
    assert int(out.read_text()) == os.getpriority(os.PRIO_PROCESS, 0)
