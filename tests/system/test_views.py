# SPDX-License-Identifier: BSD-2-Clause
"""Every option of export against the same computed here from the raw report."""

import collections
import json
import re
import xml.etree.ElementTree

import pytest

import bd

SUFFIX = {"kernel": "_[k]", "inlined": "_[i]", "jit": "_[j]"}


def clean(name):
    return "".join(" " if ord(c) < 32 or ord(c) == 127 else c for c in name.replace(";", ":"))


def expected(report, by="cpu", start=0.0, end=float("inf"), thread=None, pid=None, reverse=False):
    """{(process, thread, frames): value}; cpu in ns, without [not sampled]."""
    sums = collections.Counter()
    for sample in report.samples:
        row = report.threads[sample["thread"]]
        seconds = sample["t_ns"] / 1e9
        if not start <= seconds < end:
            continue
        if pid is not None and row["pid"] != pid:
            continue
        if thread and not re.search(thread, row["name"]):
            continue
        if sample["stack"] >= 0:
            frames = [clean(frame["name"]) + SUFFIX.get(frame["kind"], "")
                      for frame in report.stack(sample["stack"])]
        else:
            frames = ["[stack lost]"]
        if not reverse:
            frames.reverse()
        key = (clean(row["process"]), clean(row["name"]), tuple(frames))
        sums[key] += sample["weight_ns"] if by == "cpu" else 1
    return sums


def exported(report, *options):
    """The same shape."""
    sums = collections.Counter()
    for process, thread, frames, value in report.folded(*options):
        sums[process, thread, tuple(frames)] += value
    return sums


def same(report, options, **filters):
    """Compare all lines: samples are equal, microseconds within the rounding of each sample."""
    counts = expected(report, by="samples", **filters)
    times = expected(report, **filters)
    assert exported(report, "--by", "samples", *options) == counts
    got = exported(report, "--by", "cpu", *options)
    for key in [key for key in got if key[2] == ("[not sampled]",)]:
        del got[key]
    for key in times.keys() | got.keys():
        assert abs(got[key] - times[key] / 1000) <= counts[key] + 0.01, key
    return counts


def test_all(busy):
    assert same(busy, [])


def test_sums_are_the_exact_time_of_each_thread(busy):
    exact, sums = collections.Counter(), collections.Counter()
    for thread in busy.threads:
        exact[thread["process"], thread["name"]] += round(thread["on_cpu_ns"] / 1000)
    for process, thread, _, value in busy.folded():
        sums[process, thread] += value
    for key in exact.keys() | sums.keys():
        # Threads of one name share a line: half a microsecond each.
        same_name = sum((t["process"], t["name"]) == key for t in busy.threads)
        assert abs(exact[key] - sums[key]) <= (0 if same_name == 1 else same_name), key


def test_not_sampled_time(busy):
    lines = exported(busy)
    want = collections.Counter()
    for thread in busy.threads:
        want[thread["process"], thread["name"]] += thread.get("not_sampled_ns", 0) / 1000
    for (process, thread), value in want.items():
        got = lines.get((process, thread, ("[not sampled]",)), 0)
        assert abs(got - value) <= 1.01 * len(busy.threads), (process, thread)
    assert {key[2] for key in exported(busy, "--by", "samples")}.isdisjoint({("[not sampled]",)})


@pytest.mark.parametrize("start,end", [(0, 1), (1, 2), (0.5, 0.75), (2.5, 60), (1.234, 1.235)])
def test_from_and_to(busy, start, end):
    same(busy, ["--from", str(start), "--to", str(end)], start=start, end=end)


EDGES = ["0", "0.7", "1.1", "2", "99"]


def test_parts_of_the_time_make_the_whole(busy):
    total = sum(exported(busy, "--by", "samples").values())
    parts = sum(sum(exported(busy, "--by", "samples", "--from", a, "--to", b).values())
                for a, b in zip(EDGES, EDGES[1:]))
    assert total == parts == len(busy.samples)


@pytest.mark.parametrize("a,b", list(zip(EDGES, EDGES[1:])))
def test_time_of_a_part_is_that_of_the_time_line(busy, a, b):
    """What the samples in it weigh, or the thread's exact time in it where that is more."""
    weights, exact, got = (collections.Counter() for _ in range(3))
    for sample in busy.samples:
        if float(a) <= sample["t_ns"] / 1e9 < float(b):
            weights[busy.threads[sample["thread"]]["name"]] += sample["weight_ns"] / 1000
    for slot in busy.timeline:
        if float(a) <= slot["slot"] / 100 < float(b):
            exact[busy.threads[slot["thread"]]["name"]] += slot.get("on_cpu_us", 0)
    for _, thread, _, value in busy.folded("--from", a, "--to", b):
        got[thread] += value
    assert got
    for name in weights.keys() | exact.keys() | got.keys():
        # A slot at either edge belongs to the part in part.
        assert abs(got[name] - max(weights[name], exact[name])) <= 20_200, name


@pytest.mark.parametrize("pattern", ["^mixed-spin", "lock-b$", "(?i)MIXED-(Burst|yield)-[ab]",
                                     "no such thread"])
def test_thread(busy, pattern):
    want = same(busy, ["--thread", pattern], thread=pattern)
    assert bool(want) == (pattern != "no such thread")


def test_pid(busy):
    pid = busy.output["pid"]
    assert same(busy, ["--pid", str(pid)], pid=pid)
    assert not same(busy, ["--pid", "1"], pid=1)


def test_reverse(busy):
    want = same(busy, ["--reverse"], reverse=True)
    assert want != expected(busy, by="samples")


def test_all_filters_at_once(busy):
    same(busy, ["--from", "0.5", "--to", "2", "--thread", "spin|lock", "--pid",
                str(busy.output["pid"]), "--reverse"],
         start=0.5, end=2, thread="spin|lock", pid=busy.output["pid"], reverse=True)


def test_wait(busy):
    """--by wait: the exact time that each thread was runnable without a CPU."""
    sums = collections.Counter()
    for process, thread, _, value in busy.folded("--by", "wait"):
        sums[process, thread] += value
    for thread in busy.threads:
        assert abs(sums[thread["process"], thread["name"]] - thread["wait_ns"] / 1000) <= 2, thread


def test_json_is_the_report(busy):
    """JSON has the same names and values; an id is 32 hex digits."""
    done = bd.backdraft("export", busy.path, "-f", "json")
    assert done.status == 0, done.stderr
    got = json.loads(done.stdout)

    def plain(value):
        if isinstance(value, bytes):
            return value.hex()
        if isinstance(value, dict):
            return {key: plain(item) for key, item in value.items()}
        if isinstance(value, list):
            return [plain(item) for item in value]
        return value

    assert len(got["id"]) == 32
    def same_or_more(wrote, said, where):
        """What the file leaves out is zero or empty in JSON."""
        if isinstance(wrote, dict):
            for key in wrote.keys() | said.keys():
                if key in wrote:
                    same_or_more(wrote[key], said[key], f"{where}.{key}")
                else:
                    assert not said[key] or not any(said[key]), f"{where}.{key}"
        else:
            assert said == wrote, where

    same_or_more(plain(busy.raw), got, "report")


def test_round_trip_keeps_what_a_newer_version_wrote(busy, tmp_path):
    """Unknown fields and columns are no error."""
    import gzip
    import msgpack
    raw = dict(busy.raw, from_the_future={"a": [1, 2.5, None, b"x"]})
    raw["window"] = dict(raw["window"], mood="calm")
    raw["frames"] = dict(raw["frames"], colour=["red"] * len(busy.frames))
    path = tmp_path / "a.bdr"
    path.write_bytes(gzip.compress(msgpack.packb(raw)))
    assert bd.export_folded(path) == busy.folded()


def test_svg_is_well_formed(busy, tmp_path):
    done = bd.backdraft("export", busy.path, "-f", "svg", "-o", tmp_path / "a.svg")
    assert done.status == 0, done.stderr
    root = xml.etree.ElementTree.parse(tmp_path / "a.svg").getroot()
    titles = " ".join(element.text or "" for element in root.iter()
                      if element.tag.endswith("title"))
    assert "step_spin" in titles or "prog_" in titles or "worker_main" in titles


def test_html_needs_no_network(busy, tmp_path):
    done = bd.backdraft("export", busy.path, "-f", "html", "-o", tmp_path / "a.html")
    assert done.status == 0, done.stderr
    page = (tmp_path / "a.html").read_text()
    assert "canvas" in page
    assert not re.search(r"""(src|href)\s*=\s*["']?(https?:)?//""", page)


def test_show_names_what_burns(busy):
    done = bd.backdraft("show", busy.path)
    assert done.status == 0, done.stderr
    for thread in ("mixed-spin-a", "mixed-syscall-b"):
        assert thread in done.stdout, thread
    assert "step_spin" in done.stdout or "worker_main" in done.stdout


def test_timeline_adds_up_to_the_exact_time(busy):
    sums = collections.Counter()
    for slot in busy.timeline:
        # Two clocks measure them, so a slot of 10 ms may be a little too full.
        assert slot.get("on_cpu_us", 0) + slot.get("wait_us", 0) <= 10_200, slot
        sums[slot["thread"]] += slot.get("on_cpu_us", 0)
    for row, thread in enumerate(busy.threads):
        exact = thread["on_cpu_ns"] / 1000
        if exact > 100_000:
            assert bd.within(sums[row], exact, 0.02), (thread, sums[row])
