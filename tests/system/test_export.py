# SPDX-License-Identifier: BSD-2-Clause
"""Reading and writing reports by the tool, on reports made by hand: no BPF is used here."""

import fcntl
import gzip
import json
import os
import pathlib
import re
import stat
import struct
import subprocess
import termios

import msgpack
import pytest

from bd import BUILD

TOOL = BUILD / "backdraft"
MAKE_REPORT = BUILD / "tests/make/make_report"
GOLDEN = pathlib.Path(__file__).resolve().parents[1] / "golden"


def run(*args, **kwargs):
    return subprocess.run([TOOL, *map(str, args)], capture_output=True, timeout=60, **kwargs)


@pytest.fixture(scope="session")
def reports(tmp_path_factory):
    """kind -> path of a report that make_report made."""
    directory = tmp_path_factory.mktemp("reports")
    made = {}
    for kind in ("small", "full", "cut"):
        made[kind] = directory / f"{kind}.bdr"
        made[kind].write_bytes(subprocess.run([MAKE_REPORT, kind], check=True,
                                              capture_output=True).stdout)
    return made


def decoded(path):
    return msgpack.unpackb(gzip.decompress(path.read_bytes()), strict_map_key=False)


def as_json(value):
    """What the JSON form must be of a MessagePack value; fields that no version knows are left out."""
    if isinstance(value, bytes):
        return value.hex()
    if isinstance(value, dict):
        return {k: as_json(v) for k, v in value.items() if k not in ("from_the_future", "and_more")}
    return value


@pytest.mark.parametrize("kind", ["small", "full", "cut"])
def test_json_is_the_report(reports, kind):
    printed = run("export", "-f", "json", reports[kind])
    assert printed.returncode == 0, printed.stderr
    assert json.loads(printed.stdout) == as_json(decoded(reports[kind]))


def test_unknown_fields_are_in_the_file(reports):
    report = decoded(reports["full"])
    assert report["from_the_future"] == [1, {"x": None}]
    assert report["samples"]["and_more"] == "hi"


def check_schema(fields, value, path):
    by_name = {field["name"]: field for field in fields}
    for name, inner in value.items():
        if name in ("from_the_future", "and_more"):
            continue
        field = by_name.pop(name)
        assert field["doc"], f"{path}.{name}"
        if "fields" in field:
            check_schema(field["fields"], inner, f"{path}.{name}")
    assert not by_name, f"{path}: {list(by_name)} are not in a report with every field"


def test_schema_names_every_field(reports):
    schema = json.loads(run("schema", "--json").stdout)
    assert schema["schema"] == "backdraft.report/1"
    check_schema(schema["fields"], decoded(reports["full"]), "report")
    text = run("schema").stdout.decode()
    assert re.search(r"^ +1 parent +i32 +.*\(rows of stacks, or -1\)$", text, re.M)


def test_folded_from_a_pipe(reports):
    printed = run("export", "-f", "folded", "-", input=reports["small"].read_bytes())
    assert printed.stdout.decode() == (GOLDEN / "small.folded").read_text()
    assert printed.stderr == b""


def test_options_may_follow_the_file(reports):
    a = run("export", "-f", "folded", "--pid", "200", reports["small"])
    b = run("export", reports["small"], "--pid=200", "-f", "folded")
    assert a.stdout == b.stdout and a.stdout.count(b"\n") == 2


def test_show(reports):
    printed = run("show", reports["small"])
    assert printed.stdout.decode() == (GOLDEN / "small.summary").read_text()
    warned = run("show", reports["cut"]).stdout.decode().splitlines()[0]
    assert re.match(r"WARNING: \d+ % of the \d+ user stacks of app \(100\) are cut short", warned)


WRONG = [
    (["exprot"], 2, "no verb 'exprot'; did you mean 'export'?"),
    (["export"], 2, "export: which report?"),
    (["export", "-f", "pdf", "SMALL"], 2, "export: no format 'pdf'; there are "),
    (["export", "--from", "x", "SMALL"], 2, "export: --from: 'x' is no number of seconds"),
    (["export", "--from", "2", "SMALL", "-f", "folded"], 2, "from 2 s: the window has 2 s"),
    (["export", "--to", "0", "SMALL"], 2, "export: --to: 0 is where the window begins"),
    (["export", "--thread", "a(", "SMALL", "-f", "folded"], 2, "at position 2"),
    (["export", "--by", "off-cpu", "SMALL", "-f", "folded"], 2, "no off-CPU stacks"),
    (["export", "--pid", "-1", "SMALL"], 2, "export: --pid: '-1' is no process"),
    (["export", "--what", "SMALL"], 2, "export: --what is no option"),
    (["export", "-o"], 2, "export: -o needs an argument"),
    (["export", "SMALL", "SMALL"], 2, "export: one report at a time"),
    (["export", "/nonexistent"], 2, "/nonexistent: No such file or directory"),
    (["export", "/"], 2, "/: Is a directory"),
    (["export", "/dev/zero"], 2, "/dev/zero: not a backdraft report"),
    (["show", "/dev/null"], 2, "/dev/null: not a backdraft report: it is empty"),
    (["export", "-f", "json", "-o", "/dev/full", "SMALL"], 1, "/dev/full: No space left on device"),
    (["export", "-f", "json", "-o", "/nonexistent/x", "SMALL"], 1, "/nonexistent/x: No such file"),
    (["export", "-f", "json", "-o", "/", "SMALL"], 1, "Is a directory"),
    (["schema", "x"], 2, "schema: takes no 'x'"),
]


@pytest.mark.parametrize("args,status,message", WRONG, ids=[" ".join(w[0]) for w in WRONG])
def test_wrong_use(reports, args, status, message):
    ended = run(*[reports["small"] if a == "SMALL" else a for a in args])
    lines = ended.stderr.decode().splitlines()
    assert ended.returncode == status
    assert len(lines) == 1 and lines[0].startswith("backdraft: ") and message in lines[0]
    assert ended.stdout == b""


def test_control_characters_stay_out_of_the_terminal(tmp_path):
    bad = tmp_path / "a\033[2J\nb"
    assert run("show", bad).stderr.count(b"\n") == 1
    assert b"\033" not in run("show", bad).stderr


@pytest.mark.parametrize("verb", ["export", "show", "schema", "capture"])
def test_help(verb):
    printed = run(verb, "--help")
    assert printed.returncode == 0 and printed.stderr == b""
    assert printed.stdout.startswith(f"usage: backdraft {verb} ".encode())


def test_output_file(reports, tmp_path):
    out = tmp_path / "x.folded"
    out.write_text("old")
    os.chmod(out, 0o644)
    assert run("export", reports["small"], "-o", out).returncode == 0
    assert out.read_text() == (GOLDEN / "small.folded").read_text()
    assert stat.S_IMODE(out.stat().st_mode) == 0o600
    assert os.listdir(tmp_path) == ["x.folded"]


def test_failed_output_leaves_the_old_file(reports, tmp_path):
    out = tmp_path / "x.folded"
    out.write_text("old")
    assert run("export", reports["small"], "-o", out, "--thread", "(").returncode == 2
    assert out.read_text() == "old"
    assert os.listdir(tmp_path) == ["x.folded"]


def test_no_picture_on_a_terminal(reports):
    ours, theirs = os.openpty()
    ended = subprocess.run([TOOL, "export", "-f", "html", reports["small"]], stdout=theirs,
                           stderr=subprocess.PIPE, timeout=60)
    os.close(theirs)
    os.close(ours)
    assert ended.returncode == 2 and b"add -o FILE.html" in ended.stderr


def test_summary_fits_the_terminal(reports):
    """In colour and as wide as the terminal, which here has 70 columns."""
    ours, theirs = os.openpty()
    fcntl.ioctl(theirs, termios.TIOCSWINSZ, struct.pack("HHHH", 24, 70, 0, 0))
    env = {k: v for k, v in os.environ.items() if k != "NO_COLOR"}
    subprocess.run([TOOL, "show", reports["small"]], stdout=theirs, check=True, timeout=60,
                   env={**env, "TERM": "xterm"})
    os.close(theirs)
    shown = os.read(ours, 65536).decode()
    os.close(ours)
    assert "\033[1m" in shown
    lines = re.sub("\033\\[[0-9;]*m", "", shown).splitlines()
    tables = [line for line in lines if re.match(r" +[0-9.]+ ", line)]
    assert len(tables) > 15 and max(map(len, tables)) <= 70


def test_links_are_not_followed(reports, tmp_path):
    target, link = tmp_path / "target", tmp_path / "x.folded"
    target.write_text("mine")
    link.symlink_to(target)
    ended = run("export", reports["small"], "-o", link)
    assert ended.returncode == 1 and b"symbolic link" in ended.stderr
    assert target.read_text() == "mine" and link.is_symlink()


def test_fifo_is_not_opened(reports, tmp_path):
    os.mkfifo(tmp_path / "fifo")
    ended = run("export", reports["small"], "-f", "folded", "-o", tmp_path / "fifo")
    assert ended.returncode == 1 and b"name a plain file" in ended.stderr


@pytest.mark.skipif(os.geteuid() != 0, reason="not root")
@pytest.mark.parametrize("env,uid,gid", [
    ({"SUDO_UID": "1234", "SUDO_GID": "4321"}, 1234, 4321),
    ({"DOAS_USER": "nobody"}, 65534, 65534),
    ({"SUDO_UID": "-1", "SUDO_GID": "0"}, 0, 0),
    ({"SUDO_UID": "1234"}, 0, 0),
    ({}, 0, 0),
])
def test_owner_is_who_asked_for_root(reports, tmp_path, env, uid, gid):
    out = tmp_path / "x.json"
    clean = {k: v for k, v in os.environ.items() if not k.startswith(("SUDO_", "DOAS_"))}
    assert run("export", reports["small"], "-o", out, env={**clean, **env}).returncode == 0
    assert (out.stat().st_uid, out.stat().st_gid) == (uid, gid)
