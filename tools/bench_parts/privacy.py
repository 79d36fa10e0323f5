# SPDX-License-Identifier: BSD-2-Clause
"""What depersonalising costs: a line of a log, and compiling the rules for a report."""

import subprocess

from .common import BUILD, ROOT, NotAvailable, line, median

BENCH_SCRUB = BUILD / "tools" / "bench-scrub"
LOGS = ROOT / "tests" / "golden" / "scrub.logs"


def plain_logs(directory):
    """The logs of the tests without the brackets that mark what is personal in them."""
    text = LOGS.read_text()
    for bracket in "»‹›":
        text = text.replace(bracket, "")
    path = f"{directory}/logs"
    with open(path, "w", encoding="utf-8") as out:
        for each in text.splitlines():
            parts = each.split("«")
            out.write(parts[0] + "".join(part.partition(" ")[2] for part in parts[1:]) + "\n")
    return path


def bench_privacy(options, directory):
    print("depersonalising: lines of a dozen programs' logs, on one CPU")
    path, runs = plain_logs(directory), []
    for _ in range(options.runs):
        done = subprocess.run([BENCH_SCRUB, path], capture_output=True, text=True)
        if done.returncode:
            raise NotAvailable(done.stderr.strip())
        runs.append([float(each) for each in done.stdout.split()])
    lines, size = runs[0][:2]
    line(f"a line of {size / lines:.0f} bytes on average", f"{median([run[3] / 1000 for run in runs])} us")
    line("200 bytes of it", f"{median([run[4] / 1000 for run in runs])} us")
    line("compiling the rules, once a report", f"{median([run[2] / 1000 for run in runs])} ms")
