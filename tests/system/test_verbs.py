# SPDX-License-Identifier: BSD-2-Clause
"""What is promised of every verb: help on standard output, wrong use is 2 and one line."""

import os
import pwd
import re
import subprocess

import pytest

import bd

VERBS = ("capture", "diff", "doctor", "dump", "export", "replay", "schema", "show", "spool", "status",
         "top", "trigger", "upload", "watch")


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
    assert sorted(re.findall(r"^  (\S+) ", done.stdout, re.M)) == sorted(VERBS)


def test_version():
    done = bd.backdraft("--version")
    assert done.status == 0 and done.stdout.startswith("backdraft ")


def test_unknown_verb():
    bd.one_error_line(bd.backdraft("burn"), "burn", status=(2,))


def test_doctor_says_whom_the_uploader_becomes(tmp_path):
    """Without the user of its own, and with those that systemd-sysusers makes of the file in deploy/."""
    if os.geteuid() != 0:
        pytest.skip("needs root")
    done = bd.backdraft("doctor")
    [line] = re.findall(r"^(\S+) +uploader +(.*)$", done.stdout, re.M)
    if "backdraft" in {user.pw_name for user in pwd.getpwall()}:
        assert line == ("ok", "the uploader becomes user backdraft")
    else:
        assert line == ("warn", "there is no user backdraft: the uploader becomes nobody, as whom others run too")
        assert "adduser --system --group --no-create-home backdraft" in done.stdout
    (tmp_path / "etc").mkdir()
    (tmp_path / "etc" / "passwd").write_text("root:x:0:0:root:/root:/bin/sh\n")
    subprocess.run(["systemd-sysusers", f"--root={tmp_path}", bd.ROOT / "deploy" / "backdraft.sysusers"],
                   check=True, capture_output=True)
    users = [row.split(":") for row in (tmp_path / "etc" / "passwd").read_text().splitlines()]
    made = {row[0]: row for row in users if row[0].startswith("backdraft")}
    assert set(made) == {"backdraft", "backdraft-server"}
    assert all(row[6].endswith("nologin") and 0 < int(row[2]) < 1000 for row in made.values())
    groups = (tmp_path / "etc" / "group").read_text()
    assert all(re.search(rf"^{name}:x:{row[3]}:", groups, re.M) for name, row in made.items())
    # As the whole of a machine of its own, where only /etc differs.
    words = ["unshare", "-m", "sh", "-c", f"mount --bind {tmp_path}/etc/passwd /etc/passwd && exec $0 doctor"]
    said = subprocess.run([*words, str(bd.BACKDRAFT)], capture_output=True, text=True).stdout
    assert re.search(r"^ok +uploader +the uploader becomes user backdraft$", said, re.M), said


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
