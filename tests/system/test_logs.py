# SPDX-License-Identifier: BSD-2-Clause
"""The last lines of a client's log in a report: what is read, with whose rights, and what is said.

One daemon watches a client for each test; the clients run as a user without rights of its own.
"""

import contextlib
import datetime
import os
import pathlib
import shutil
import subprocess
import tempfile
import time

import bd
import pytest

NOBODY = 65534
GROUP = 64200  # nobody's
CONFIG = """[agent]
state_dir = {dir}/state
spool_dir = {dir}/spool
socket = {dir}/socket
before = 2s
after = 1s
[machine]
deviation = off
"""
HOSTILE = ("long", "bytes", "fifo", "link", "hard", "dir", "none")
CLIENTS = {
    "all": "log = {dir}/forms/*.log\n" + "".join(f"log = {{dir}}/hostile/{name}\n" for name in HOSTILE)
           + "log = {dir}/denied/secret.log\nlog = {dir}/closed/any.log\nlog = {dir}/grouped/app.log\n"
           + "log = journal\nlog = {dir}/many/*.log\n",
    "rotates": "log = {dir}/rotates/app.log\nlog = {dir}/rotates/copied.log\n",
    "asroot": "log = {dir}/denied/secret.log\nlog = {dir}/hostile/link\nlog_as_root = yes\n",
    "few": "log = {dir}/few/*.log\nlog_seconds = 10m\nlog_lines = 3\n",
    "gone": "log = {dir}/gone/app.log\n",
}
DIRECTORIES = ("forms", "hostile", "denied", "grouped", "many", "rotates", "few", "gone")


class World:
    """A daemon, and a client for each section of its configuration.

    `before` is what runs the daemon; `group` is the control group of the clients.
    """

    def __init__(self, directory, clients, before=(), group=None):
        self.dir, self.names = directory, list(clients)
        (directory / "conf").write_text(
            CONFIG.format(dir=directory) + "".join(
                f'[client "{name}"]\nmatch_comm = lg-{name}\ndeviation = off\n'
                + logs.format(dir=directory) for name, logs in clients.items()))
        self.processes = {}
        for name in clients:
            self.start(name, group)
        self.said = open(directory / "said", "w+b")
        self.daemon = subprocess.Popen(
            [*before, bd.BACKDRAFT, "watch", "--config", directory / "conf"], stderr=self.said)
        self.until(self.status, "all clients are known")

    def start(self, name, group):
        path = self.dir / f"lg-{name}"
        shutil.copy(bd.prog("idle"), path)
        self.processes[name] = subprocess.Popen(
            [path], stdout=subprocess.DEVNULL, user=NOBODY, group=NOBODY, extra_groups=[GROUP])
        if group:
            (group / "cgroup.procs").write_text(str(self.processes[name].pid))

    def until(self, what, why, seconds=20):
        end = time.monotonic() + seconds
        while time.monotonic() < end:
            value = what()
            if value:
                return value
            assert self.daemon.poll() is None, (self.dir / "said").read_text()
            time.sleep(0.05)
        raise AssertionError(f"never: {why}; the daemon said:\n{(self.dir / 'said').read_text()}")

    def status(self):
        done = bd.backdraft("status", "--json", "--config", self.dir / "conf")
        return done.status == 0 and all(f'"{name}"' in done.stdout for name in self.names)

    def report(self, client):
        """Ask for a report of the client -> {path: source}, [lines], and the report."""
        before = set((self.dir / "spool").glob("*.bdr"))
        done = bd.backdraft("trigger", client, "--config", self.dir / "conf")
        assert done.status == 0, done.stderr
        path = self.until(lambda: set((self.dir / "spool").glob("*.bdr")) - before, "a report").pop()
        report = bd.Report(path)
        sources = report.table("log_sources", "path", "state", "note")
        by_path = {source["path"].replace(str(self.dir), ""): source for source in sources}
        assert len(by_path) == len(sources)
        lines = report.table("logs", "source", "text")
        for path, source in by_path.items():
            assert source["lines"] == sum(line["source"] == source["path"] for line in lines), path
        return by_path, lines, report

    def stop(self):
        self.daemon.terminate()
        self.daemon.wait(20)
        for process in self.processes.values():
            process.kill()
            process.wait()


@pytest.fixture(scope="module")
def world():
    directory = pathlib.Path(tempfile.mkdtemp(prefix="backdraft-logs-"))
    os.chmod(directory, 0o755)
    for name in DIRECTORIES:
        (directory / name).mkdir()
    made = World(directory, CLIENTS)
    yield made
    made.stop()
    shutil.rmtree(directory)


def utc(ago, form="%Y-%m-%dT%H:%M:%SZ"):
    return datetime.datetime.fromtimestamp(time.time() - ago, datetime.timezone.utc).strftime(form)


def local(ago, form):
    return datetime.datetime.fromtimestamp(time.time() - ago).strftime(form)


def write(path, *lines):
    """What a client wrote: a line for each, and its directory is the client's."""
    path.write_bytes(b"".join(line if isinstance(line, bytes) else line.encode() + b"\n"
                              for line in lines))
    os.chown(path, NOBODY, NOBODY)
    return path


def texts(lines, path=""):
    return [line["text"] for line in lines if line["source"].endswith(path)]


FORMS = {
    "iso": lambda ago: utc(ago),
    "log4j": lambda ago: local(ago, "%Y-%m-%d %H:%M:%S,123"),
    "go": lambda ago: local(ago, "%Y/%m/%d %H:%M:%S"),
    "nginx": lambda ago: "127.0.0.1 - - [" + utc(ago, "%d/%b/%Y:%H:%M:%S +0000") + "] \"GET /",
    "syslog": lambda ago: local(ago, "%b %e %H:%M:%S") + " host app[7]:",
    "redis": lambda ago: "7:M " + local(ago, "%d %b %Y %H:%M:%S.250") + " *",
    "klog": lambda ago: local(ago, "I%m%d %H:%M:%S.250000") + " 7 main.go:1]",
    "epoch": lambda ago: f"{time.time() - ago:.3f}",
    "json": lambda ago: f'{{"ts":{time.time() - ago:.3f},"msg":"x"}}',
}


def write_forms(place):
    for name, form in FORMS.items():
        write(place / f"{name}.log", form(3600) + " hour", form(75) + " old",
              "  of the old one", form(30) + " new", "  of the new one", form(2) + " ends")


def write_hostile(place):
    os.chown(place, NOBODY, NOBODY)
    with open(place / "long", "wb") as log:
        log.write(utc(5).encode() + b" short\n" + b"x" * (10 << 20) + b"\n" + utc(4).encode()
                  + b" after it\n" + b"y" * 5000 + b"\n")
    write(place / "bytes", utc(5).encode() + b" \xff\xc3 \x1b[31mred\x1b[0m \x00\x07 \xe2\x82\xac\tz\n")
    os.mkfifo(place / "fifo")
    os.chown(place / "fifo", NOBODY, NOBODY)
    (place / "link").symlink_to("/etc/shadow")
    secret = write(place.parent / "root-only", "SECRET of root")
    os.chown(secret, 0, 0)
    os.chmod(secret, 0o600)
    os.link(secret, place / "hard")
    (place / "dir").mkdir()


def write_denied(directory):
    secret = write(directory / "denied/secret.log", utc(5) + " SECRET")
    os.chown(secret, 0, 0)
    os.chmod(secret, 0o600)
    (directory / "closed").mkdir(mode=0o700)
    write(directory / "closed/any.log", utc(5) + " SECRET too")
    log = write(directory / "grouped/app.log", utc(5) + " for the group")
    os.chown(log, 0, GROUP)
    os.chmod(log, 0o640)


def write_many(place):
    with open(place / "one.log", "wb") as log:
        log.write(b"z" * (3 << 20))
    for i in range(20):
        write(place / f"{i:02}.log", utc(3) + f" of {i}")
        os.utime(place / f"{i:02}.log", (time.time() - 20 + i,) * 2)


@pytest.fixture(scope="module")
def everything(world):
    """One report of a client with many logs: (sources, lines, report)."""
    write_forms(world.dir / "forms")
    write_hostile(world.dir / "hostile")
    write_denied(world.dir)
    write_many(world.dir / "many")
    return world.report("all")


def test_lines_of_the_last_minute(everything):
    sources, lines, report = everything
    for name in FORMS:
        found = [line for line in lines if line["source"].endswith(f"/forms/{name}.log")]
        assert [line["text"].split()[-1] for line in found] == ["new", "one", "ends"], name
        assert found[1]["text"] == "  of the new one"
        assert sources[f"/forms/{name}.log"]["state"] == "read"
        for line, ago in zip(found, (30, 30, 2)):
            # On a machine that is busy it takes a while until the report begins.
            assert ago - 2 < (report.window["trigger_ns"] - line["t_ns"]) / 1e9 < ago + 25, name
    # In one order, whatever file they are of; those of a file without any time by its last write.
    times = [line["t_ns"] for line in lines if line["t_ns"]]
    assert times == sorted(times)


def test_in_the_terminal(everything):
    report = everything[2]
    few = bd.backdraft("show", report.path).stdout.splitlines()
    every = bd.backdraft("show", "--logs", report.path).stdout.splitlines()
    assert any(line.startswith("log ") and "(--logs shows all)" in line for line in few)
    assert sum(line.endswith(" new") for line in every) == len(FORMS)
    assert sum(line.endswith(" new") for line in few) == 0
    for shown in (few, every):
        assert any(line.endswith("/denied/secret.log: no permission") for line in shown)
        assert any("journal: no journal" in line for line in shown)
    assert max(map(len, few)) <= 400 and max(map(len, every)) > 4096


def test_hostile_files(everything):
    sources, lines, report = everything
    assert {name: sources[f"/hostile/{name}"]["state"] for name in HOSTILE} == {
        "long": "read", "bytes": "read", "fifo": "not a regular file: refused",
        "link": "a link: refused", "hard": "no permission", "dir": "not a regular file: refused",
        "none": "no such file"}
    found = texts(lines, "/long")
    assert found[0].endswith(" after it") and found[1] == "y" * 4096 + "… [904 bytes]"
    assert len(found) == 2
    assert sources["/hostile/long"]["lines_cut"] == 1
    # Of the long line less was read than there is, and what isn't known to be old is counted.
    assert sources["/hostile/long"]["bytes_left_out"] > 9 << 20
    assert texts(lines, "/bytes")[0].endswith("Z \ufffd\ufffd red \ufffd\ufffd € z")
    assert sources["/hostile/bytes"]["bytes_replaced"] == 4
    assert report.loss["reasons"]["logs: bytes that are no text"] == 4
    assert "root:" not in str(report.raw)


def test_more_files_and_bytes_than_are_read(everything):
    sources, lines, _ = everything
    many = {path: source for path, source in sources.items() if path.startswith("/many/")}
    assert texts(lines, "/many/one.log")[0].startswith("[2097152 bytes] …zzz")
    # The 16 that were written last, and that there are more isn't hidden.
    assert sum(source["state"] == "read" for source in many.values()) == 16
    assert {f"/many/{i:02}.log" for i in range(5, 20)} < set(many)
    assert many["/many/*.log"]["state"] == "more files match than are read"


def test_with_the_clients_rights(everything):
    sources, lines, report = everything
    assert sources["/denied/secret.log"]["state"] == "no permission"
    assert sources["/closed/any.log"]["state"] == "no permission"
    assert "SECRET" not in str(report.raw)
    assert [text.partition(" ")[2] for text in texts(lines, "/grouped/app.log")] == ["for the group"]


def test_no_journal(everything):
    sources, lines, _ = everything
    assert texts(lines, "journal") == []
    assert sources["journal"]["state"] in ("no journal here",
                                           "no journal: the client is no unit of systemd")


def test_with_the_right_to_read_any(world, everything):
    """The operator may say that it is to be read all the same; what it is stays checked."""
    sources, lines, _ = world.report("asroot")
    assert [text.split()[-1] for text in texts(lines)] == ["SECRET"]
    assert sources["/hostile/link"]["state"] == "a link: refused"


def rotate(log, copied):
    """One by a new name, the other by a copy; and the program goes on writing."""
    log.rename(log.with_suffix(".log.1"))
    write(log, utc(1) + " after")
    shutil.copy(copied, copied.with_name("copied.log-20261125"))
    os.truncate(copied, 0)
    with open(copied, "a") as more:
        more.write(utc(1) + " rest\n")


def test_rotation_at_the_moment_of_the_report(world):
    place, spool = world.dir / "rotates", world.dir / "spool"
    log, copied = place / "app.log", place / "copied.log"
    for attempt in range(5):
        before = set(spool.glob("*.bdr"))
        for path in place.iterdir():
            path.unlink()
        write(log, utc(90) + " too old", utc(10) + " before")
        write(copied, utc(10) + " before the copy")
        # What it has is noted when the report begins, and read again when it ends.
        done = bd.backdraft("trigger", "rotates", "--config", world.dir / "conf")
        assert done.status == 0, done.stderr
        world.until(lambda: list(spool.glob("*.partial")) or set(spool.glob("*.bdr")) - before,
                    "a report has begun")
        rotate(log, copied)
        in_time = list(spool.glob("*.partial"))
        path = world.until(lambda: set(spool.glob("*.bdr")) - before, "it ends").pop()
        if in_time:
            break
    assert in_time, "no report lasted long enough"
    report = bd.Report(path)
    lines = report.table("logs", "source", "text")
    sources = {source["path"].rpartition("/")[2]: source
               for source in report.table("log_sources", "path", "state", "note")}
    assert [text.split(" ", 1)[1] for text in texts(lines)] == \
        ["before", "before the copy", "after", "rest"]
    notes = {name: source["note"] for name, source in sources.items()}
    new = "a new file: the one before was rotated or replaced"
    # After a second try it is compared with the file of the first one.
    assert notes.pop("copied.log") in ("truncated from 37 to 26 bytes", new if attempt else "")
    assert notes == {"app.log": new, "app.log.1": "rotated: what was written before",
                     "copied.log-20261125": "rotated: what was written before"}


def test_truncation_without_a_copy(world):
    log = world.dir / "rotates/app.log"
    for path in (world.dir / "rotates").iterdir():
        path.unlink()
    write(log, *[utc(5) + f" line {i}" for i in range(20)])
    sources, lines, _ = world.report("rotates")
    assert len(texts(lines)) == 20 and sources["/rotates/app.log"]["note"] != "rotated"
    os.truncate(log, 0)
    sources, lines, _ = world.report("rotates")
    assert texts(lines) == []
    assert sources["/rotates/app.log"]["note"].startswith("truncated from 5")
    assert sources["/rotates/copied.log"]["state"] == "no such file"


def test_as_far_back_and_as_many_as_asked_for(world):
    write(world.dir / "few/app.log", *[utc(500 - i) + f" {i}" for i in range(10)])
    sources, lines, _ = world.report("few")
    assert [text.split()[-1] for text in texts(lines)] == ["7", "8", "9"]
    assert sources["/few/app.log"]["lines_left_out"] == 7


def test_a_client_that_has_ended(world):
    """Its user is known from when it lived: what it could read is read, and nothing else."""
    write(world.dir / "gone/app.log", utc(5) + " its last words")
    secret = write(world.dir / "gone/app.log.1", utc(5) + " SECRET")
    os.chown(secret, 0, 0)
    os.chmod(secret, 0o600)
    # Who it is has been looked at by now: there were reports of others.
    process = world.processes["gone"]
    process.kill()
    process.wait()
    sources, lines, report = world.report("gone")
    assert [text.partition(" ")[2] for text in texts(lines)] == ["its last words"]
    assert sources["/gone/app.log.1"]["state"] == "no permission"
    assert "SECRET" not in str(report.raw)


# --- systemd's journal: a real one, that libsystemd finds where it looks for it
REMOTE = "/usr/lib/systemd/systemd-journal-remote"
MACHINE_ID = pathlib.Path("/etc/machine-id")
JOURNAL_GROUP = 64201


@contextlib.contextmanager
def unit_group():
    """A control group whose name is a unit's, where systemd would make it."""
    groups = pathlib.Path("/sys/fs/cgroup")
    path = (groups / "systemd" if (groups / "systemd").is_dir() else groups) / f"bd-{os.getpid()}.service"
    try:
        path.mkdir()
    except OSError as error:
        pytest.skip(f"optional: no control group can be made here: {error}")
    try:
        yield path
    finally:
        end = time.monotonic() + 10
        while path.exists():
            try:
                path.rmdir()
            except OSError:
                assert time.monotonic() < end, f"{path} has processes still"
                time.sleep(0.05)


def entry(ago, unit, message, **fields):
    """An entry as `journalctl -o export` has it; a message is told by its length."""
    us = int((time.time() - ago) * 1e6)
    boot = pathlib.Path("/proc/sys/kernel/random/boot_id").read_text().replace("-", "").strip()
    fields = {"__REALTIME_TIMESTAMP": us, "__MONOTONIC_TIMESTAMP": us % 10**12, "_BOOT_ID": boot,
              "_SYSTEMD_UNIT": unit, "SYSLOG_IDENTIFIER": "app", "_PID": 77, **fields}
    text = "".join(f"{name}={value}\n" for name, value in fields.items() if value is not None)
    return (text.encode() + b"MESSAGE\n" + len(message).to_bytes(8, "little") + message + b"\n\n")


def test_journal_of_the_unit(public_dir):
    if not os.path.exists(REMOTE):
        pytest.skip("optional: no systemd-journal-remote, which makes a journal without systemd")
    if not MACHINE_ID.exists() or not MACHINE_ID.read_text().strip():
        pytest.skip("optional: no machine id, and no journal without one")
    with unit_group() as group:
        unit = group.name
        entries = [entry(300, unit, b"too old"), entry(40, unit, b"the first"),
                   entry(30, "other.service", b"not of the unit"),
                   entry(20, unit, b"two\n\x1b[31mlines\x1b[0m \xff"),
                   entry(10, "init.scope", b"Main process exited", UNIT=unit, _PID=1,
                         SYSLOG_IDENTIFIER="systemd"),
                   entry(5, unit, b"by a program without a name", SYSLOG_IDENTIFIER=None, _COMM="cat"),
                   entry(4, unit, b"x" * 100000)]
        journal = public_dir / "made.journal"
        made = subprocess.run([REMOTE, "-o", journal, "-"], input=b"".join(entries),
                              capture_output=True)
        assert made.returncode == 0, made.stderr
        os.chown(journal, 0, JOURNAL_GROUP)
        os.chmod(journal, 0o640)
        # The machine's own directory stays as it is: only the daemon sees this one.
        place = f"/var/log/journal/{MACHINE_ID.read_text().strip()}"
        before = ["unshare", "--mount", "sh", "-ec",
                  f"mount -t tmpfs tmpfs /var/log; mkdir -p {place}; "
                  f"chgrp {JOURNAL_GROUP} /var/log/journal; cp -p {journal} {place}/system.journal; "
                  'exec "$@"', "sh"]
        world = World(public_dir, {"journal": "log = journal\n"}, before, group)
        try:
            sources, lines, report = world.report("journal")
        finally:
            world.stop()
    assert sources["journal"]["state"] == "read"
    assert texts(lines)[:-1] == ["app[77]: the first", "app[77]: two", "lines \ufffd",
                                 "systemd[1]: Main process exited",
                                 "cat[77]: by a program without a name"]
    assert texts(lines)[-1].startswith("app[77]: xxx") and "… [" in texts(lines)[-1]
    assert sources["journal"]["lines_cut"] == 1 and sources["journal"]["bytes_replaced"] == 1
    ago = [(report.window["trigger_ns"] - line["t_ns"]) / 1e9 for line in lines]
    assert all(a - 2 < b < a + 25 for a, b in zip((40, 20, 20, 10, 5, 4), ago))
