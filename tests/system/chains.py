# SPDX-License-Identifier: BSD-2-Clause
"""Comparing walked stacks with the chain that a program of tests/progs/chains says it has.

Frames are told apart by module and offset through `nm` of the program as it was before it was
stripped, so the comparison does not rest on the tool's own symbols.
"""

import bisect
import collections
import functools
import re
import subprocess

import bd

CHAINS = bd.PROGS / "chains"
TWIN = {"chains-stripped": "chains-dynamic", "chains-cpp-stripped": "chains-cpp"}


@functools.lru_cache(None)
def symbols(name):
    """Sorted [(start, end, demangled name)] of a program's functions."""
    text = subprocess.run(["nm", "-S", "-C", "--defined-only", CHAINS / TWIN.get(name, name)],
                          capture_output=True, text=True, check=True).stdout
    found = re.findall(r"^([0-9a-f]+) ([0-9a-f]+) [tTwWi] (.+)$", text, re.MULTILINE)
    return sorted((int(start, 16), int(start, 16) + int(size, 16), called)
                  for start, size, called in found)


def function_at(name, offset):
    table = symbols(name)
    row = bisect.bisect_right(table, (offset, float("inf"), "")) - 1
    if row >= 0 and table[row][0] <= offset < table[row][1]:
        return re.sub(r" \[clone .*\]|\.(cold|part|isra|constprop)\b.*", "", table[row][2])
    return None


def named(report, frame):
    """(whose, name): the function of one of our programs, or of somebody else."""
    if frame["kind"] == bd.CUT:
        return "cut", frame["name"]
    if frame["module"] >= 0:
        module = report.modules[frame["module"]]["path"].rpartition("/")[2]
        if (CHAINS / module).exists() and (name := function_at(module, frame["offset"])):
            return module, name
    return None, frame["name"]


def matches(frames, pattern, own, part):
    """Whether the frames are the chain; + +1 +2 * stand for frames of others."""
    def foreign_from(at):
        end = at
        while end < len(frames) and frames[end][0] != "cut" and not (
                frames[end][0] and own.search(frames[end][1])):
            end += 1
        return end - at

    reached = {0}  # frames that the words up to here can stand for
    for word in pattern:
        after = set()
        for at in reached:
            if word in ("+", "+1", "+2", "*"):
                most = foreign_from(at)
                least, limit = {"+": (1, most), "+1": (1, 1), "+2": (2, 2), "*": (0, most)}[word]
                after |= {at + n for n in range(least, min(limit, most) + 1)}
            elif at < len(frames) and frames[at][0] not in (None, "cut"):
                ok = word in frames[at][1] if part else word == frames[at][1]
                after |= {at + 1} if ok else set()
        reached = after
    return len(frames) in reached


Outcome = collections.namedtuple("Outcome", "total short wrong")

SHORT = "[unwind: stack copy too short]"
# Of these the first samples are cut, unless the process was named: they come before the tables, with
# a copy of the stack that ends within a frame of 70 KB, or of an alternate stack alone.
MAY_BE_SHORT = ("bigframe", "altstack")


def compare(report, truth):
    """The samples between the two time stamps: how many there are; those that come before the first
    whole one, say that their copy of the stack was too short, and are right as far as they go, if
    it is a case of which that is known; and the chains of all others that are not the known one."""
    own, wrong, total, short, whole = re.compile(truth["own"]), collections.Counter(), 0, 0, False
    part = truth["match"] == "part"
    for sample in sorted(report.samples, key=lambda each: each["t_ns"]):
        thread = report.threads[sample["thread"]]
        t_ns = report.start_ns + sample["t_ns"]
        if thread["tid"] != truth["tid"] or not truth["begin_ns"] <= t_ns <= truth["end_ns"]:
            continue
        total += 1
        frames = report.stack(sample["stack"]) if sample["stack"] >= 0 else []
        walked = tuple(named(report, frame) for frame in frames
                       if frame["kind"] not in ("kernel", "inlined"))
        if matches(walked, truth["chain"], own, part):
            whole = True
        elif (truth["case"] in MAY_BE_SHORT and not whole and walked and
              walked[-1] == ("cut", SHORT) and
              any(matches(walked[:-1], truth["chain"][:n], own, part)
                  for n in range(1, len(truth["chain"])))):
            short += 1
        else:
            wrong[" <- ".join(name for _, name in walked) or "no stack"] += 1
    return Outcome(total, short, wrong)
