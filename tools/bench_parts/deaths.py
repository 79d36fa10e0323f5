# SPDX-License-Identifier: BSD-2-Clause
"""What a dying process waits for its report: with and without the daemon, by its threads."""

import os
import pathlib
import resource
import shutil
import signal
import statistics
import subprocess
import time

from bench_parts.common import BACKDRAFT, PROGS, NotAvailable, line, median, report_of, running
from bench_parts.watching import status

THREADS = (1, 50, 2000)
AIM_US = 10  # a thread
CONFIG = """[agent]
state_dir = {0}/state
spool_dir = {0}/spool
socket = {0}/socket
reports_per_hour = 1000
[client "bench-death"]
match_comm = bench-death
deviation = off
reports_per_hour = 1000
"""


def without_core():
    resource.setrlimit(resource.RLIMIT_CORE, (0, 0))


def die(program, threads, until_ready):
    """ms from the word that makes it die until it is gone, and its number."""
    with subprocess.Popen([program, "write", str(threads - 1), "idle", "told"],
                          stdin=subprocess.PIPE, stdout=subprocess.PIPE,
                          preexec_fn=without_core) as process:
        process.stdout.readline()
        until_ready()
        began = time.monotonic()
        process.stdin.close()
        os.waitid(os.P_PID, process.pid, os.WEXITED | os.WNOWAIT)
        took_ms = (time.monotonic() - began) * 1000
        if process.wait() != -signal.SIGSEGV:
            raise NotAvailable(f"{program.name} did not die as it should")
        return took_ms, process.pid


def wait(what, patience=60):
    end = time.monotonic() + patience
    while not (value := what()):
        if time.monotonic() > end:
            raise NotAvailable("the daemon did not do it in time")
        time.sleep(0.05)
    return value


def walks_us(directory, pid):
    """What the walks and the records cost its threads, by the programs themselves: the sum."""
    def found():
        for path in pathlib.Path(f"{directory}/spool").glob("*.bdr"):
            report = report_of(path)
            if report.get("death", {}).get("pid") == pid:
                return report
        return None
    dump = wait(found)["dump"]
    if dump["left_out"]:
        raise NotAvailable(f"threads were left out: {dump['left_out']}")
    return sum(dump["threads"]["walk_ns"]) / 1000


def watched(program, threads, directory, runs):
    """[(ms until it was gone, us that its threads spent)]; a daemon a run, so that each is news."""
    rows, config = [], f"{directory}/deaths.conf"
    pathlib.Path(config).write_text(CONFIG.format(directory), encoding="utf-8")

    def is_ready():
        return any(each["name"] == "bench-death" and each["crash_ready"]
                   for each in status(config)["clients"])

    for _ in range(runs):
        with running([BACKDRAFT, "watch", "--config", config], signal.SIGTERM):
            took_ms, pid = die(program, threads, lambda: wait(is_ready))
            rows.append((took_ms, walks_us(directory, pid)))
    return rows


def bench_deaths(options, directory):
    print("a process that dies: from its last word until it is gone, of it the threads' own walks")
    program = pathlib.Path(directory) / "bench-death"
    shutil.copy(PROGS / "crash", program)
    for threads in THREADS:
        alone = [die(program, threads, lambda: None)[0] for _ in range(options.runs)]
        rows = watched(program, threads, directory, options.runs)
        with_it = [took_ms for took_ms, _ in rows]
        each = [spent_us / threads for _, spent_us in rows]
        name = f"{threads} thread{'s' * (threads > 1)}"
        line(f"{name}: ms alone", median(alone))
        line(f"{name}: ms while watched", median(with_it))
        added = (statistics.median(with_it) - statistics.median(alone)) * 1000 / threads
        line(f"{name}: us a thread, as the programs measure it; by the clock",
             f"{median(each, '{:.1f}')}; {added:.1f}",
             f"at most {AIM_US}" if threads > 1 else "")
