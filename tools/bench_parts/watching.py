# SPDX-License-Identifier: BSD-2-Clause
"""What the daemon costs while nothing is wrong, and how fast recorded history is judged."""

import contextlib
import json
import os
import pathlib
import statistics
import subprocess
import time

from bench_parts.captures import RSS_AIM, MAPS_AIM, tree_cpu_ns
from bench_parts.common import BACKDRAFT, NotAvailable, line, load, median, running, timed

WARM_S, WATCH_S = 15, 30
POINTS = 10_000_000
CONFIG = """[agent]
state_dir = {0}/state
spool_dir = {0}/spool
socket = {0}/socket
[client "busy"]
match_comm = shares
"""


def status(config):
    out = subprocess.run([BACKDRAFT, "status", "--json", "--config", config], capture_output=True,
                         text=True, check=False)
    if out.returncode:
        raise NotAvailable(out.stderr.strip())
    return json.loads(out.stdout)


def resident_kb(pid):
    """Of a process and its children. Mapped rings are left out: they are counted with the maps."""
    total, ring = 0, False
    with contextlib.suppress(OSError):
        for text in pathlib.Path(f"/proc/{pid}/smaps").read_text().splitlines():
            words = text.split()
            if "-" in words[0] and not words[0].endswith(":"):
                ring = words[-1] in ("anon_inode:bpf-map", "anon_inode:[perf_event]")
            elif words[0] == "Rss:" and not ring:
                total += int(words[1])
        for child in pathlib.Path(f"/proc/{pid}/task/{pid}/children").read_text().split():
            total += resident_kb(int(child))
    return total


def bench_watch(options, directory):
    busy = "both CPUs busy" if os.cpu_count() == 2 else "busy CPUs"
    print(f"own cost of `watch` at 19 Hz after {WARM_S} s, {busy}, in {WATCH_S} s")
    config = f"{directory}/watch.conf"
    pathlib.Path(config).write_text(CONFIG.format(directory), encoding="utf-8")
    rows = {"cpu": [], "bpf": [], "rss": [], "maps": []}
    for _ in range(max(1, options.runs // 2)):
        with load(WARM_S + WATCH_S + 10), running([BACKDRAFT, "watch", "--config", config]) as child:
            time.sleep(WARM_S)
            first, began, cpu = status(config), time.monotonic(), tree_cpu_ns(child.pid)
            time.sleep(WATCH_S)
            cpu, seconds, last = tree_cpu_ns(child.pid) - cpu, time.monotonic() - began, status(config)
            rows["rss"].append(resident_kb(child.pid) / 1024)
            bpf = [each["cost"]["bpf"] * each["agent"]["uptime_s"] for each in (first, last)]
        rows["bpf"].append((bpf[1] - bpf[0]) / seconds * 100)
        rows["cpu"].append(cpu / 1e9 / seconds * 100 + rows["bpf"][-1])
        rows["maps"].append(last["cost"]["map_bytes"] / 2**20)
    line("CPU of the daemon, its child and its BPF programs, % of one", median(rows["cpu"]),
         "at most 0.3")
    line("of that in BPF programs as they measure it", median(rows["bpf"]))
    line("resident memory of the daemon and its child, MB", median(rows["rss"], "{:.1f}"), RSS_AIM)
    line("BPF maps, tables and rings, MB", median(rows["maps"], "{:.1f}"), MAPS_AIM)


def bench_replay(options, directory):
    print(f"`replay` of {POINTS:,} points, a second apart")
    path = pathlib.Path(f"{directory}/points.csv")
    with open(path, "w", encoding="ascii") as file:
        file.write("timestamp,value\n")
        file.writelines(f"{1767571200 + i},{1 + i * 7919 % 1000 / 5000}\n" for i in range(POINTS))
    seconds = [timed([BACKDRAFT, "replay", path])[0] for _ in range(max(1, options.runs // 2))]
    path.unlink()
    line("seconds", f"{statistics.median(seconds):.2f}", "at most 5")
