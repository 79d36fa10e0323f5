# SPDX-License-Identifier: BSD-2-Clause
"""What leaves this machine holds nothing of who and where it is.

The daemon runs on a machine of another name (a UTS namespace of its own) and watches programs whose
names and paths say more than they should.
"""

import gzip
import os
import re
import shutil
import subprocess

import msgpack
import pytest
import watching

HOST = "falcon-seven"
NAMES = ("peer-10.1.2.3", f"{HOST}-1")
CLIENTS = f"""[client "peers"]
match_comm = {NAMES[0]}
match_comm = {NAMES[1]}
deviation = off
log = {{log}}
[client "open"]
match_exe = @progs/idle
deviation = off
log = {{log}}
allow = address
scrub = since since \\d\\d
"""
LINES = (
    ("login of carla@example.org from 192.0.2.77, password=hunter2",
     "login of <email> from <ip>, password=<token>"),
    (f"{HOST} runs version 1.2.3.4 since 12:34:56", "<host> runs version 1.2.3.4 since 12:34:56"),
    ("-----BEGIN PRIVATE KEY-----", "<token>"),
    ("TUlJRXZRSUJBREFOQmdrcWhraUc5dzBC", "<token>"),
    ("-----END PRIVATE KEY-----", "<token>"),
    ("order ORD-17 is sent", "order <order> is sent"),
)


@pytest.fixture
def elsewhere(build_dir, tmp_path):
    """A daemon that believes that this machine is called HOST."""
    tool = tmp_path / "tool"
    tool.write_text(f"""#!/bin/sh
exec unshare --uts sh -c 'hostname {HOST} && exec "$@"' sh {build_dir}/backdraft "$@"
""")
    tool.chmod(0o755)
    log = tmp_path / "shop.log"
    log.write_text("".join(f"{line}\n" for line, _ in LINES))
    d = watching.Daemon(build_dir, tmp_path, CLIENTS.format(log=log), agent="scrub = order ORD-\\d+")
    d.tool = str(tool)
    yield d
    d.stop()


@pytest.fixture
def peers(build_dir, tmp_path, program):
    """Programs in the home of somebody; the daemon finds them by their names."""
    home = tmp_path / "home" / "annaberg" / "shop"
    home.mkdir(parents=True)
    for name in NAMES:
        shutil.copy(build_dir / "tests/progs/shares", home / name)
        program(home / name, "600000", preexec_fn=lambda: os.nice(19))
    return home


def unpacked(path):
    return gzip.decompress(path.read_bytes())


def privacy(tool, path):
    """What `show --privacy` says: class -> count."""
    out = subprocess.run([tool, "show", "--privacy", str(path)], check=True, capture_output=True,
                         text=True).stdout
    return {m[1]: int(m[2]) for m in re.finditer(r"^(\w+) +(\d+)  \w", out, re.M)}


def recorded(d):
    """A report on the peers, made by hand."""
    d.wait_for(lambda: [c for c in d.status()["clients"] if c["name"] == "peers" and c["processes"] == 2])
    assert d.run("trigger", "peers").returncode == 0
    return d.wait_for(d.spool)[0]


def test_watch_depersonalises(elsewhere, peers, build_dir):
    d = elsewhere.start()
    assert "new identity" in d.said()
    path = recorded(d)
    data, report = unpacked(path), d.report(path)
    for secret in (b"10.1.2.3", HOST.encode(), b"annaberg", b"/home/", b"carla", b"192.0.2.77", b"hunter2",
                   b"TUlJR", b"ORD-"):
        assert secret not in data, secret
    lines = [re.sub(r":[0-9a-f]{6}>", ">", report["strings"][i]) for i in report["logs"]["text"]]
    assert lines == [expected for _, expected in LINES]
    processes = {report["strings"][i] for i in report["threads"]["process"]}
    assert any(re.fullmatch(r"peer-<ip:[0-9a-f]{6}>", name) for name in processes)
    assert any(re.fullmatch(r"<host:[0-9a-f]{6}>-1", name) for name in processes)
    # The programs' own path stays from below the home on, and their functions stay as they are.
    modules = {report["strings"][i] for i in report["modules"]["path"]}
    assert any(re.search(r"<home:[0-9a-f]{6}>/shop/peer-<ip:[0-9a-f]{6}>$", name) for name in modules)
    assert {"burn_half", "burn_third"} <= {report["strings"][i] for i in report["frames"]["name"]}
    removed = report["scrub"]["removed"]
    assert removed.pop("order") == 1
    assert removed["address"] >= 1 and removed["hostname"] >= 1 and removed["home"] >= 1
    shown = privacy(str(build_dir / "backdraft"), path)
    assert {name: n for name, n in shown.items() if n} == removed

    # The host is a hash that lasts, and goes with its key.
    host = report["host"]["id"]
    assert re.fullmatch(r"[0-9a-f]{32}", host)
    assert d.status()["agent"]["host"] == host
    assert host in d.run("status").stdout
    key = d.dir / "state" / "host-key"
    assert key.stat().st_mode & 0o777 == 0o600
    d.stop()
    d.start()
    assert d.status()["agent"]["host"] == host
    d.stop()
    key.write_bytes(key.read_bytes()[:-7])
    d.start()
    assert d.status()["agent"]["host"] != host
    assert re.search("host-key was damaged.*new identity", d.said())
    assert (d.dir / "state" / "host-key.damaged").exists()


def test_a_client_has_switches_of_its_own(elsewhere, program):
    """Beside those of [agent]: its addresses may leave, and a pattern is its own."""
    program("idle")
    d = elsewhere.start()
    d.wait_for(lambda: any(c["processes"] for c in d.status()["clients"] if c["name"] == "open"))
    assert d.run("trigger", "open").returncode == 0
    report = d.report(d.wait_for(d.spool)[0])
    lines = [re.sub(r":[0-9a-f]{6}>", ">", report["strings"][i]) for i in report["logs"]["text"]]
    assert lines[0] == "login of <email> from 192.0.2.77, password=<token>"
    assert lines[1] == "<host> runs version 1.2.3.4 <since>:34:56"
    assert lines[-1] == "order <order> is sent"
    assert report["scrub"]["allowed"] == "address"


def test_capture_is_scrubbed_by_export(peers, build_dir, tmp_path):
    tool, raw, clean = str(build_dir / "backdraft"), tmp_path / "raw.bdr", tmp_path / "clean.bdr"
    made = subprocess.run([tool, "capture", "-d", "1", "-o", raw], capture_output=True, text=True)
    assert made.returncode == 0, made.stderr
    before = msgpack.unpackb(unpacked(raw), strict_map_key=False)
    assert b"annaberg" in unpacked(raw) and "id" not in before["host"] and "scrub" not in before
    said = subprocess.run([tool, "show", "--privacy", raw], check=True, capture_output=True, text=True)
    assert said.stdout.startswith("nothing was removed")

    out = subprocess.run([tool, "export", "--scrub", raw, "-o", clean], capture_output=True, text=True)
    assert out.returncode == 0 and re.match(r"[1-9]\d* values taken out", out.stderr), out.stderr
    assert not re.search(b"annaberg|10[.]1[.]2[.]3|/home/", unpacked(clean))
    assert os.stat(clean).st_mode & 0o777 == 0o600
    after = msgpack.unpackb(unpacked(clean), strict_map_key=False)
    for same in ("samples", "stacks", "timeline", "loss", "id"):
        assert after[same] == before[same]
    assert privacy(tool, clean)["home"] >= 1
    for form in ("folded", "html", "svg", "json"):
        out = subprocess.run([tool, "export", "--scrub", raw, "-f", form, "-o", "-"], check=True,
                             capture_output=True)
        assert len(out.stdout) > 1000 and b"annaberg" not in out.stdout, form

    # The operator's switches and patterns, and what is wrong use.
    config = tmp_path / "c.conf"
    config.write_text("[agent]\nallow = home\nallow = address\nscrub = shop sho\\w\n")
    out = subprocess.run([tool, "export", "--scrub", "--config", config, raw, "-o", clean],
                         capture_output=True, text=True)
    assert out.returncode == 0, out.stderr
    assert b"annaberg/<shop:" in unpacked(clean) and b"peer-10.1.2.3" in unpacked(clean)
    config.write_text("[agent]\n\nscrub = shop (\n")
    out = subprocess.run([tool, "export", "--scrub", "--config", config, raw, "-o", clean],
                         capture_output=True, text=True)
    assert out.returncode == 2 and re.search(r"c\.conf:3: scrub = shop \(: .*parenthes", out.stderr)
    out = subprocess.run([tool, "export", "--config", config, raw], capture_output=True, text=True)
    assert out.returncode == 2 and "--scrub" in out.stderr
