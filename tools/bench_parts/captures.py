# SPDX-License-Identifier: BSD-2-Clause
"""What a capture takes: to start, while it runs, at its end, and with many files mapped."""

import bisect
import contextlib
import os
import pathlib
import random
import subprocess
import threading
import time

from bench_parts.common import (BACKDRAFT, MAPMANY, SYNTH, UNWIND_TABLE, NotAvailable, line, load,
                                median, report_of, timed)

FILES = 500
RSS_AIM, MAPS_AIM = "at most 40", "at most 64"


# --- start

def tree_cpu_ns(pid):
    """CPU time of a process, its threads and its children, those that have ended left out."""
    total = 0
    for task in pathlib.Path(f"/proc/{pid}/task").iterdir():
        with contextlib.suppress(OSError, ValueError):
            total += int((task / "schedstat").read_text().split()[0])
            total += sum(map(tree_cpu_ns, (task / "children").read_text().split()))
    return total


class CpuWatch(threading.Thread):
    """The CPU time of a process and its children as it grows."""

    def __init__(self, pid):
        super().__init__(daemon=True)
        self.pid, self.times, self.sums, self.over = pid, [], [], False
        self.start()

    def run(self):
        while not self.over:
            with contextlib.suppress(OSError):
                cpu = tree_cpu_ns(self.pid)
                self.times.append(time.time_ns())
                self.sums.append(cpu)
            time.sleep(0.005)

    def seconds_at(self, when_ns):
        """By then, to 5 ms."""
        self.over = True
        at = bisect.bisect_left(self.times, when_ns)
        return max(self.sums[:at + 1], default=0) / 1e9


def bench_start(options, directory):
    print("from the start of the command to the first sample, on a busy machine")
    delays, first_cpu, all_cpu = [], [], []
    for number in range(options.runs):
        path = f"{directory}/start{number}.bdr"
        with load(6):
            time.sleep(0.2)
            began = time.time_ns()
            child = subprocess.Popen([BACKDRAFT, "capture", "-d", "1", "-o", path],
                                     stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL)
            watch = CpuWatch(child.pid)
            _, status, usage = os.wait4(child.pid, 0)
            child.returncode = os.waitstatus_to_exitcode(status)
        if child.returncode:
            raise NotAvailable(f"capture: exit status {child.returncode}")
        report = report_of(path)
        first = report["window"]["start_ns"] + min(report["samples"]["t_ns"])
        delays.append((first - began) / 1e9)
        first_cpu.append(watch.seconds_at(first))
        all_cpu.append(usage.ru_utime + usage.ru_stime)
    line("seconds to the first sample", median(delays, "{:.3f}"), "at most 0.5")
    line("seconds of CPU by then", median(first_cpu, "{:.3f}"), "at most 0.3")
    line("seconds of CPU of a capture of 1 s, its report included", median(all_cpu, "{:.3f}"))


# --- own cost, end

def bench_capture(options, directory):
    busy = "both CPUs busy" if os.cpu_count() == 2 else "busy CPUs"
    print(f"own cost of `capture -d 10` at 99 Hz, {busy}")
    rows = {"cpu": [], "bpf": [], "rss": [], "maps": [], "end": [], "size": []}
    for number in range(max(1, options.runs // 2)):
        path, page = f"{directory}/ten{number}.bdr", f"{directory}/ten{number}.html"
        with load(13):
            _, cpu_s, _ = timed([BACKDRAFT, "capture", "-d", "10", "-o", path, "--html", page])
            ended = time.time_ns()
        report = report_of(path)
        rows["cpu"].append(cpu_s / 10 * 100)
        rows["bpf"].append(report["cost"]["bpf_ns"] / 1e10 * 100)
        rows["rss"].append(report["cost"]["rss_bytes"] / 2**20)
        rows["maps"].append(report["cost"]["map_bytes"] / 2**20)
        rows["end"].append((ended - report["window"]["end_ns"]) / 1e9)
        rows["size"].append(os.path.getsize(path) / 1024)
    line("CPU of the tool and its children, % of one CPU", median(rows["cpu"]))
    line("time in BPF programs as they measure it, % of one CPU", median(rows["bpf"]))
    line("greatest resident memory of the tool and its children, MB", median(rows["rss"], "{:.1f}"),
         RSS_AIM)
    line("BPF maps, tables and rings, MB", median(rows["maps"], "{:.1f}"), MAPS_AIM)
    line("report, KB", median(rows["size"], "{:.1f}"))
    line("seconds from the window's end to report and picture", median(rows["end"]), "at most 1.5")


# --- many files

def libraries():
    """Shared libraries of the machine, each file once and under 32 MB, in an order by chance that
    is always the same."""
    found = {}
    for top in ("/usr/lib", "/lib64", "/usr/local/lib"):
        for path in sorted(pathlib.Path(top).rglob("*.so*")):
            with contextlib.suppress(OSError):
                info = path.stat()
                if path.is_symlink() or not 8192 < info.st_size < 32 << 20:
                    continue
                with open(path, "rb") as file:
                    if file.read(5) == b"\x7fELF\x02":
                        found.setdefault((info.st_dev, info.st_ino), path)
    paths = list(found.values())
    random.Random(FILES).shuffle(paths)
    return paths


def table_sums(paths):
    """Over the tables of these files: (tables, bytes, rows)."""
    done = subprocess.run([UNWIND_TABLE, "--summary", *paths], capture_output=True, text=True)
    sizes = [text.rsplit(" ", 6)[2:4] for text in done.stdout.splitlines()]
    return len(sizes), sum(int(each[0]) for each in sizes), sum(int(each[1]) for each in sizes)


def bench_many(options, directory):
    paths = libraries()[:FILES]
    if len(paths) < FILES:
        raise NotAvailable(f"the machine has only {len(paths)} shared libraries")
    tables, size, rows = table_sums(paths)
    print(f"one process that maps the code of {FILES} libraries, {tables} with a table "
          f"({rows:,} rows, {size / 2**20:.1f} MB)")
    rss, maps, cpu = [], [], []
    for number in range(max(1, options.runs // 2)):
        path = f"{directory}/many{number}.bdr"
        timed([BACKDRAFT, "capture", "-d", "3", "-o", path, "--", MAPMANY, "2500", *paths])
        cost = report_of(path)["cost"]
        rss.append(cost["rss_bytes"] / 2**20)
        maps.append(cost["map_bytes"] / 2**20)
        cpu.append(cost["cpu_ns"] / 1e9)
    line("greatest resident memory of the tool and its children, MB", median(rss, "{:.1f}"),
         RSS_AIM)
    line("BPF maps, tables and rings, MB", median(maps, "{:.1f}"), MAPS_AIM)
    line("seconds of CPU until the window's end", median(cpu))


# --- pictures

def bench_picture(options, directory):
    path = f"{directory}/synthetic.bdr"
    subprocess.run([SYNTH, "--stacks", "100000", "-o", path], check=True)
    print("a report with 100,000 different stacks to a picture, seconds")
    for form in ("html", "svg", "folded"):
        times = [timed([BACKDRAFT, "export", path, "-f", form, "-o", f"{directory}/out"])[0]
                 for _ in range(options.runs)]
        size = os.path.getsize(f"{directory}/out") / 2**20
        line(f"{form} ({size:.1f} MB)", median(times), "at most 0.5" if form != "folded" else "")
