# SPDX-License-Identifier: BSD-2-Clause
"""Stacks of `backdraft capture` and of `perf record --call-graph dwarf` of one run, side by side.

Both sample the same program at the same time, each by a timer of its own, so no two samples are of
the same instant. What both must see are the same places: call sites (file and offset), and who
called whom. A walk that goes wrong makes neighbours of places that are none, and so does one that
skips a frame. Two neighbours that one has too often for it to be chance that the other never has
them are printed, with their names, to be looked at.
"""

import collections
import math
import os
import pathlib
import re
import struct
import subprocess
import sys
import tempfile

from bench_parts.against_perf import is_whole
from bench_parts.common import BACKDRAFT, ROOT, NotAvailable, first_of, line, report_of, running

OUR_HZ, PERF_HZ = "1999", "1789"  # without a common beat
DUMP_BYTES = 32768  # of the stack, with each sample of perf's
PERF_PAGES = 8192   # of its rings: with fewer it loses mappings of files, and all stacks in them
CHANCE = 0.05       # of a line about two that see the same
SERVER_S = 3
PT_LOAD = 1


class Chains:
    """The stacks of a process as one of the two has them: chains of call sites, and the pairs of
    neighbours in them. The leaf is left out: it is any instruction of its function."""

    def __init__(self):
        self.samples = self.whole = 0
        self.pairs, self.chains, self.names = collections.Counter(), collections.Counter(), {}

    def add(self, frames, whole):
        """`frames` is [(file, offset, name)], leaf first, without the kernel's and inlined ones."""
        places = tuple((file, offset) for file, offset, _ in frames[1:])
        self.names.update(((file, offset), name) for file, offset, name in frames)
        self.samples += 1
        self.whole += whole
        self.pairs.update(set(zip(places, places[1:])))
        if whole:
            self.chains[places] += 1

    def shared_pairs(self, other):
        """The share of the pairs that the other has as well."""
        return (sum(n for pair, n in self.pairs.items() if pair in other.pairs) /
                max(1, sum(self.pairs.values())))

    def shared_chains(self, other):
        """Of the whole stacks that begin at a place where the other has one as well: how many there
        are, and the share of those that are the other's up to the root."""
        places = {chain[:1] for chain in other.chains}
        there = {chain: n for chain, n in self.chains.items() if chain[:1] in places}
        total = sum(there.values())
        return total, sum(n for chain, n in there.items() if chain in other.chains) / max(1, total)

    def strangers(self, other):
        """[(times, pair)] that the other should have, and has not."""
        rate = other.samples / max(1, self.samples)
        often = math.log(max(1, len(self.pairs)) / CHANCE) / max(rate, 1e-9)
        return [(n, pair) for pair, n in self.pairs.most_common()
                if n >= often and pair not in other.pairs]

    def describe(self, pair):
        return " <- ".join(f"{self.names[place]} ({place[0]}+{place[1]:#x})" for place in pair)


# --- ours

class Loads:
    """From addresses of an ELF file, which reports have, to offsets in it, which perf has."""

    def __init__(self):
        self.known = {}

    def offset(self, path, address):
        if path not in self.known:
            self.known[path] = list(self.read(path))
        for start, size, at in self.known[path]:
            if start <= address < start + size:
                return address - start + at
        return address

    @staticmethod
    def read(path):
        if not os.path.isfile(path):
            return
        image = pathlib.Path(path).read_bytes()
        table, = struct.unpack_from("<Q", image, 32)
        entry, count = struct.unpack_from("<HH", image, 54)
        for at in range(table, table + entry * count, entry):
            kind, _, offset, address, _, size = struct.unpack_from("<IIQQQQ", image, at)
            if kind == PT_LOAD:
                yield address, size, offset


def our_chains(path, processes):
    report, loads, found = report_of(path), Loads(), Chains()
    strings, frames, stacks = report["strings"], report["frames"], report["stacks"]

    def of_stack(stack):
        while stack >= 0:
            frame = stacks["frame"][stack]
            kind, module = strings[frames["kind"][frame]], frames["module"][frame]
            path = strings[report["modules"]["path"][module]] if module >= 0 else ""
            if kind not in ("kernel", "inlined"):
                yield kind, (os.path.basename(path), loads.offset(path, frames["offset"][frame]),
                             strings[frames["name"][frame]])
            stack = stacks["parent"][stack]

    for thread, stack in zip(report["samples"]["thread"], report["samples"]["stack"]):
        if strings[report["threads"]["process"][thread]] in processes:
            chain = list(of_stack(stack))
            native = [frame for kind, frame in chain if kind != "cut"]
            if native:
                found.add(native, len(native) == len(chain))
    return found


# --- perf's

FRAME = re.compile(r"^\s+([0-9a-f]+) (.*) \((.*?)\)$", re.M)


def chains_of_script(text):
    """Of what `perf script -F comm,ip,sym,dso` prints: offsets in files, for user space."""
    found = Chains()
    for sample in text.split("\n\n"):
        frames = [(os.path.basename(file), int(ip, 16), name)
                  for ip, name, file in FRAME.findall(sample) if int(ip, 16) < 1 << 63]
        if frames:
            found.add(frames, is_whole([name for _, _, name in frames]))
    return found


def perf_chains(path, processes):
    done = subprocess.run([first_of("perf"), "script", "-i", path, "--no-inline", "--comms",
                           ",".join(name[:15] for name in processes), "-F", "comm,ip,sym,dso"],
                          capture_output=True, text=True, errors="replace", timeout=600)
    if done.returncode:
        raise NotAvailable(f"perf script: {done.stderr.strip()[-80:]}")
    return chains_of_script(done.stdout)


# --- the runs

def ours_argv(path, *what):
    return [BACKDRAFT, "capture", "-F", OUR_HZ, "-o", path, *what]


def perf_argv(path, *what):
    return [first_of("perf"), "record", "-q", "-m", str(PERF_PAGES), "-F", PERF_HZ, "--call-graph",
            f"dwarf,{DUMP_BYTES}", "-o", path, *what]


def one_run(command, ours, perfs):
    """A command below perf, and that below us."""
    subprocess.run(ours_argv(ours, "--", *perf_argv(perfs, "--", *command)),
                   stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL, check=False)


def a_while(pids, ours, perfs):
    """Processes that run already."""
    which = [word for pid in pids for word in ("-p", str(pid))]
    with running(perf_argv(perfs, "-p", ",".join(map(str, pids)))):
        subprocess.run(ours_argv(ours, "-d", str(SERVER_S), *which), check=True,
                       stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL)


def print_both(name, ours, perfs):
    if not ours.samples or not perfs.samples:
        raise NotAvailable(f"{ours.samples} stacks of ours, {perfs.samples} of perf's")
    line(f"{name}: {ours.samples:,} stacks of ours, {perfs.samples:,} of perf's; whole",
         "{:.2f} %; {:.2f} %".format(*(100 * each.whole / each.samples for each in (ours, perfs))))
    (n, share), (n2, share2) = ours.shared_chains(perfs), perfs.shared_chains(ours)
    line(f"  of one call site, {n:,} and {n2:,}: the other has it, up to the root",
         f"{100 * share:.2f} %; {100 * share2:.2f} %")
    line("  neighbours that the other has too",
         f"{100 * ours.shared_pairs(perfs):.2f} %; {100 * perfs.shared_pairs(ours):.2f} %")
    for who, one, other in (("we", ours, perfs), ("perf", perfs, ours)):
        for times, pair in one.strangers(other):
            print(f"    {times} x only {who}: {one.describe(pair)}")


def bench_agree(options, directory):
    sys.path.insert(0, str(ROOT / "tests" / "system"))
    import real_programs as real  # needs what tests need, so only here
    first_of("perf")
    inputs = real.make_inputs(pathlib.Path(directory))
    print("stacks of one run by `capture` and by `perf record --call-graph dwarf`: ours; perf's")
    for name in [*real.ONE_SHOT, *real.SERVERS]:
        with tempfile.TemporaryDirectory() as where:
            os.chmod(where, 0o755)
            ours, perfs = f"{where}/ours.bdr", f"{where}/perf.data"
            command, of = real.ONE_SHOT.get(name, (None, None))
            try:
                if command:
                    real.needs(command[0])
                    one_run([inputs.get(word, word) for word in command], ours, perfs)
                else:
                    with real.SERVERS[name](pathlib.Path(where)) as pids:
                        a_while(pids, ours, perfs)
                print_both(name, our_chains(ours, of or [name]), perf_chains(perfs, of or [name]))
            except (NotAvailable, real.Missing, OSError, subprocess.SubprocessError) as why:
                line(name, f"not available: {why}")
