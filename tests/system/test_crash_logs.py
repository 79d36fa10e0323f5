# SPDX-License-Identifier: BSD-2-Clause
"""The logs of clients that really crash: their last lines, and one line for each that could not be read."""

import contextlib
import os
import pathlib
import shutil
import signal
import subprocess
import tempfile
import threading

import bd
import pytest
from watching import Daemon, rows, text

NOBODY = 65534
READER = b"__reader"
HOW = {"plain": "plain", "rotate": "rotate", "copy": "copy", "closed": "none", "link": "none",
       "nojournal": "none"}
CLIENT = """[client "{name}"]
match_comm = lw-{name}
deviation = off
log = {log}
"""


def log_of(directory, name):
    return "journal" if name == "nojournal" else f"{directory}/logs/{name}.log"


@pytest.fixture(scope="module")
def crashed(build_dir):
    """All of them, as a user without rights, have crashed: {name: (report, path)}, and the daemon's words."""
    directory = pathlib.Path(tempfile.mkdtemp(prefix="backdraft-words-"))
    os.chmod(directory, 0o755)
    logs = directory / "logs"
    logs.mkdir()
    os.chown(logs, NOBODY, NOBODY)
    for name in ("closed.log", "root-only"):
        (logs / name).write_text("2026-01-01T00:00:00Z SECRET\n")
        os.chmod(logs / name, 0o600)
    (logs / "link.log").symlink_to(logs / "root-only")
    clients = "".join(CLIENT.format(name=n, log=log_of(directory, n)) for n in [*HOW, "early"])
    d = Daemon(build_dir, directory, clients, agent="reports_per_hour = 100").start()
    running = {}

    def start(name, how, log):
        path = directory / f"lw-{name}"
        shutil.copy(bd.prog("lastwords"), path)
        running[name] = subprocess.Popen([path, how, log], stdout=subprocess.PIPE, user=NOBODY,
                                         group=NOBODY, extra_groups=[])
        assert running[name].stdout.readline() == b"ready\n"

    def report_of(name):
        for path in d.spool(f"*-crash-{name}-*.bdr"):
            return d.report(path), path
        return None

    try:
        for name, how in HOW.items():
            start(name, how, log_of(directory, name))
        d.wait_for(lambda: all(c["processes"] == 1 for c in d.status()["clients"] if c["name"] in HOW)
                   and d.status()["ring"]["seconds"] >= 3)
        found = {}
        for name in HOW:
            running[name].send_signal(signal.SIGUSR1)
            # One parent waits for its child at once, another hasn't heard of its death by then.
            if name == "rotate":
                running[name].wait(30)
            found[name] = d.wait_for(lambda n=name: report_of(n), 40)
            assert running[name].wait(30) == -signal.SIGABRT
        start("early", "early", log_of(directory, "early"))
        assert running["early"].wait(30) == -signal.SIGABRT
        found["early"] = d.wait_for(lambda: report_of("early"), 40)
        yield found
    finally:
        for process in running.values():
            process.kill()
            process.wait()
            process.stdout.close()
        d.stop()
        shutil.rmtree(directory)


def lines_of(report):
    strings = report["strings"]
    return [{**row, "text": strings[row["text"]], "file": strings[row["source"]].rpartition("/")[2]}
            for row in rows(report.get("logs", {}))]


def sources_of(report):
    table = report["log_sources"]
    return {path.rpartition("/")[2]: (state, note) for path, state, note in zip(
        text(report, table["path"]), text(report, table["state"]), text(report, table["note"]))}


def shown(path):
    done = bd.backdraft("show", path)
    assert done.status == 0, done.stderr
    return done.stdout


def check_last_words(report, after=()):
    """The lines before the death in their order, at their moments; what came after them at the end."""
    lines = lines_of(report)
    texts = [line["text"].split(" ", 1)[1] for line in lines]
    words = texts[:len(texts) - len(after)]
    assert texts[len(words):] == list(after)
    assert words[-1] == "going down" and len(words) > 10
    assert words[:-1] == [f"line {i}" for i in range(len(words) - 1)]
    died = report["dump"]["taken_ns"]
    # Stamps are whole seconds: the last line is of the second of the death, or of the one before.
    assert -0.1e9 < died - lines[len(words) - 1]["t_ns"] < 2.1e9
    assert all(a["t_ns"] <= b["t_ns"] for a, b in zip(lines, lines[1:]))
    assert lines[0]["t_ns"] > died - 60e9


def test_the_last_lines_are_in_the_report(crashed):
    report, path = crashed["plain"]
    assert report["trigger"]["kind"] == "crash"
    check_last_words(report)
    assert sources_of(report) == {"plain.log": ("read", "")}
    assert "going down" in shown(path)


def test_rotation_at_the_moment_of_the_death(crashed):
    report, path = crashed["rotate"]
    check_last_words(report, ["in the new file"])
    assert {line["file"] for line in lines_of(report)[:-1]} == {"rotate.log.1"}
    sources = sources_of(report)
    assert sources["rotate.log.1"] == ("read", "rotated: what was written before")
    assert sources["rotate.log"][0] == "read"
    assert "rotated: what was written before" in shown(path)


def test_a_copy_and_a_cut_at_the_moment_of_the_death(crashed):
    report, path = crashed["copy"]
    check_last_words(report, ["behind the cut"])
    sources = sources_of(report)
    assert sources["copy.log.1"] == ("read", "rotated: what was written before")
    assert sources["copy.log"][0] == "read"
    assert "going down" in shown(path) and "behind the cut" in shown(path)


@pytest.mark.parametrize("name, state", [("closed", "no permission"), ("link", "a link: refused"),
                                         ("nojournal", "")])
def test_one_line_says_why_there_are_none(crashed, name, state):
    report, path = crashed[name]
    assert not lines_of(report)
    assert "SECRET" not in str(report)
    source = "journal" if name == "nojournal" else f"{name}.log"
    said = sources_of(report)[source][0]
    assert said == state if state else ("journal" in said or "unit" in said)
    assert len(sources_of(report)) == 1
    assert [line for line in shown(path).split("\n") if f"{source}: {said}" in line], shown(path)


def test_one_that_dies_before_anybody_looked(crashed):
    """Whose rights are to be had is not known, and not guessed; it is not another client's log either."""
    report, path = crashed["early"]
    said = "not read: the client ended before its user was known"
    assert [state for state, _ in sources_of(report).values()] == [said] or lines_of(report)
    assert list(sources_of(report)) == ["early.log"]
    assert lines_of(report) or f"early.log: {said}" in shown(path)


class Stopper(threading.Thread):
    """Stops the reader that a daemon has, and the first one that it starts for logs: they don't answer."""

    def __init__(self, pid):
        super().__init__(daemon=True)
        self.children = pathlib.Path(f"/proc/{pid}/task/{pid}/children")
        self.stopped, self.over = list(map(int, self.children.read_text().split())), threading.Event()
        for child in self.stopped:
            os.kill(child, signal.SIGSTOP)

    def run(self):
        known = set(self.stopped)
        while not self.over.wait(0.001):
            for child in set(map(int, self.children.read_text().split())) - known:
                with contextlib.suppress(ProcessLookupError, FileNotFoundError):
                    words = pathlib.Path(f"/proc/{child}/cmdline").read_bytes().split(b"\0")
                    if words[1] != READER:
                        continue
                    known.add(child)
                    if words[3]:  # whose rights it is to have
                        os.kill(child, signal.SIGSTOP)
                        self.stopped.append(child)

    def end(self):
        self.over.set()
        self.join()
        for child in self.stopped:
            with contextlib.suppress(ProcessLookupError):
                os.kill(child, signal.SIGCONT)


def crash_without_readers(build_dir, directory):
    """A client crashes while readers hang -> its report, and how long after the death it was on disk."""
    log = directory / "app.log"
    log.touch()
    os.chown(log, NOBODY, NOBODY)
    shutil.copy(bd.prog("lastwords"), directory / "lw-hangs")
    d = Daemon(build_dir, directory, CLIENT.format(name="hangs", log=log)).start()
    process = subprocess.Popen([directory / "lw-hangs", "plain", log], stdout=subprocess.PIPE,
                               user=NOBODY, group=NOBODY, extra_groups=[])
    stopper = None
    try:
        assert process.stdout.readline() == b"ready\n"
        d.wait_for(lambda: any(c["processes"] for c in d.status()["clients"]))
        d.wait_for(lambda: d.status()["ring"]["seconds"] >= 3)
        stopper = Stopper(d.process.pid)
        stopper.start()
        process.send_signal(signal.SIGUSR1)
        path = d.wait_for(d.spool, 40)[0]
        report = d.report(path)
        return report, path.stat().st_mtime - report["dump"]["taken_ns"] / 1e9
    finally:
        if stopper:
            stopper.end()
        process.kill()
        process.wait()
        process.stdout.close()
        d.stop()


def test_names_and_logs_share_one_deadline(build_dir, public_dir):
    """With readers that hang, for names and for logs, a report waits 5 s, and says what it lacks."""
    for attempt in range(4):
        directory = public_dir / str(attempt)
        directory.mkdir()
        report, waited = crash_without_readers(build_dir, directory)
        # Now and then the log has been read before its reader could be stopped.
        if sources_of(report)["app.log"][0] != "read":
            break
    assert sources_of(report)["app.log"][0] == "not read: it took too long"
    assert 3.5 < waited < 7, waited
