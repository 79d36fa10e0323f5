# SPDX-License-Identifier: BSD-2-Clause
"""`replay` as people call it: its output, its explanations, its refusals. Needs no root."""
import datetime
import json
import math
import os
import pathlib
import re
import subprocess
import sys

import pytest

BACKDRAFT = os.path.join(os.environ.get("O", "build"), "backdraft")
START = datetime.datetime(2026, 1, 5)


def replay(*args, **env):
    return subprocess.run([BACKDRAFT, "replay", *map(str, args)], capture_output=True, text=True,
                          env={**os.environ, "TZ": "UTC", **env}, timeout=60)


def series(path, values, step=300, skip=()):
    with open(path, "w") as f:
        f.write("timestamp,value\n")
        for i, value in enumerate(values):
            if i not in skip:
                f.write(f"{START + datetime.timedelta(seconds=step * i)},{value:.4f}\n")
    return path


def noise(i):
    return math.sin(i * 12.9898) * 0.05 + math.sin(i * 78.233) * 0.05


def test_a_burst_is_one_alert(tmp_path):
    values = [1 + noise(i) + (3 if 2500 <= i < 2506 else 0) for i in range(4032)]
    done = replay(series(tmp_path / "checkout.csv", values))
    assert done.returncode == 0
    lines = done.stdout.splitlines()
    assert lines[0] == "timestamp,value,expected,score,alert"
    rows = [line.split(",") for line in lines[1:]]
    assert len(rows) == len(values)
    assert [r[0] for r in rows] == [str(START + datetime.timedelta(seconds=300 * i)) for i in range(4032)]
    assert [r[1] for r in rows] == [f"{v:.4f}" for v in values]
    assert [i for i, r in enumerate(rows) if r[4] == "1"] == [2500]
    assert abs(float(rows[2500][2]) - 1) < 0.1 and float(rows[2500][3]) > 1
    assert done.stderr.startswith("2026-01-13 16:20:00 checkout used ")
    assert "; at Tue 16:00 it normally uses 0.9" in done.stderr
    assert done.stderr.count("\n") == 1


def test_missing_rows_are_harmless(tmp_path):
    values = [1 + noise(i) for i in range(4032)]
    done = replay(series(tmp_path / "s.csv", values, skip={*range(1000, 1100), 2000, 2001, 3000}))
    assert done.returncode == 0 and done.stderr == ""
    assert done.stdout.count("\n") == 4032 - 103 + 1


def test_it_is_free_of_scale(tmp_path):
    def alerts(factor):
        values = [factor * (1 + noise(i) + (3 if 2500 <= i < 2506 else 0)) for i in range(4032)]
        with open(tmp_path / "s.csv", "w") as f:
            f.write("timestamp,value\n")
            f.writelines(f"{300 * i},{v!r}\n" for i, v in enumerate(values))
        return [line.rsplit(",", 1)[1] for line in replay(tmp_path / "s.csv").stdout.splitlines()]

    assert alerts(1) == alerts(1e-6) == alerts(1e9)
    assert alerts(1).count("1") == 1


@pytest.mark.parametrize("step", [1, 10, 60, 3600])
def test_any_interval(tmp_path, step):
    n = 3 * 86400 // step if step < 3600 else 24 * 14
    burst = range(int(n * 0.8), int(n * 0.8) + max(1, 600 // step))
    done = replay(series(tmp_path / "s.csv", [1 + noise(i) + (3 if i in burst else 0) for i in range(n)], step))
    at = [i for i, line in enumerate(done.stdout.splitlines()[1:]) if line.endswith(",1")]
    at = [i for i in at if i * step > 2 * 86400]  # with 24 values known, one more can be news
    assert len(at) == 1 and burst[0] <= at[0] <= burst[0] + 60 // step


@pytest.mark.parametrize("text, said", [
    ("", "it is empty"),
    ("timestamp,cpu\n1,1\n", "no column `value`"),
    ("timestamp,value\n1,1\nyesterday,1\n", "line 3: timestamp `yesterday`"),
    ("timestamp,value\n1,1\n2,nan\n", "line 3: value `nan`"),
    ("timestamp,value\n1,1\n2,1\n9,1\n11,1\n99,1\n", "not at a fixed interval"),
    ("timestamp,value\n0,1\n86400,1\n172800,1\n", "at most an hour"),
])
def test_unusable_input(tmp_path, text, said):
    path = tmp_path / "s.csv"
    path.write_text(text)
    done = replay(path)
    assert done.returncode == 2
    assert done.stderr.startswith(f"backdraft: {path}: ") and said in done.stderr
    assert done.stderr.count("\n") == 1


def test_no_such_file(tmp_path):
    done = replay(tmp_path / "none.csv")
    assert done.returncode == 2
    assert done.stderr == f"backdraft: {tmp_path}/none.csv: No such file or directory\n"
    assert replay().returncode == 2
    assert replay("a", "b").returncode == 2


def test_config(tmp_path):
    values = [30 + 10 * noise(i) + (40 if 2500 <= i < 2506 else 0) - (25 if 3500 <= i < 3530 else 0)
              for i in range(4032)]
    path = series(tmp_path / "s.csv", values)
    config = tmp_path / "c.conf"

    def alerts(text, *more):
        config.write_text(text)
        done = replay(path, "--config", config, *more)
        assert done.returncode == 0, done.stderr
        return [i for i, line in enumerate(done.stdout.splitlines()[1:]) if line.endswith(",1")]

    a, b = '[client "a"]\nmatch_comm = a\n', '[client "b"]\nmatch_comm = b\n'
    assert alerts(a + "deviation_least = 0\n") == [2500]
    assert alerts(a + "deviation = both\ndeviation_least = 0.1\n") == [2500, 3500]
    assert alerts(a + b + "deviation = low\ndeviation_least = 0\n", "--client", "b") == [3500]
    assert alerts(a) == []  # 40 % of a CPU is less than half of one
    assert alerts("[machine]\ndeviation_least = 0.3\n", "--client", "machine") == [2500]
    config.write_text("[agent]\nrate = 3\n[machine]\ndeviation = of\n")
    done = replay(path, "--config", config)
    assert done.returncode == 2 and done.stdout == ""
    assert done.stderr.splitlines()[0].startswith(f"backdraft: {config}:2: rate: no such key here")
    assert done.stderr.splitlines()[1].startswith(f"backdraft: {config}:4: deviation = of: not allowed")
    config.write_text(a)
    assert 'no [client "c"]' in replay(path, "--config", config, "--client", "c").stderr
    assert replay(path, "--client", "c").returncode == 2


def test_a_full_disk_is_said(tmp_path):
    path = series(tmp_path / "s.csv", [1] * 500)
    with open("/dev/full", "w") as full:
        done = subprocess.run([BACKDRAFT, "replay", path], stdout=full, stderr=subprocess.PIPE, text=True)
    assert done.returncode == 1 and "No space left" in done.stderr


def shared():
    """What stands beside the checkout, or beside the one that this worktree is of; None."""
    root = pathlib.Path(__file__).resolve().parents[2]
    git = subprocess.run(["git", "-C", root, "rev-parse", "--path-format=absolute", "--git-common-dir"],
                         capture_output=True, text=True)
    places = [root, *([pathlib.Path(git.stdout.strip()).parent] if git.returncode == 0 else [])]
    return next((p.parent / "shared" for p in places if (p.parent / "shared/tools/nab-score").exists()), None)


def test_labelled_series(tmp_path):
    """The default configuration on six real series, scored as the Numenta Anomaly Benchmark does."""
    there = shared()
    if not there:
        pytest.skip("optional: no ../shared with tools/nab-score beside this checkout: NOBODY SCORES the detectors")
    labels = there / "data/cpu-series/labels.json"
    names = sorted(json.loads(labels.read_text()))
    rows = 0
    for name in names:
        done = replay(labels.parent / name)
        assert done.returncode == 0, done.stderr
        rows += done.stdout.count("\n") - 1
        (tmp_path / name).write_text(done.stdout)
        # Each alert says what was expected, and why.
        assert done.stderr.count("\n") == done.stdout.count(",1\n")
        assert done.stderr.count(" normally uses ") == done.stderr.count("\n")
    said = subprocess.run([sys.executable, there / "tools/nab-score", labels, tmp_path], check=True,
                          capture_output=True, text=True).stdout
    print(said)
    score, false_alerts = re.search(r"^TOTAL standard +([\d.]+) .* false alerts (\d+)$", said, re.M).groups()
    assert len(names) == 6 and float(score) >= 82
    assert int(false_alerts) <= rows * 300 / (7 * 86400)  # one a series and week


def test_millions_of_points(tmp_path):
    """10 million in 5 s: here a fifth of them, by CPU time, with three times as much for a machine that is busy."""
    path = tmp_path / "long.csv"
    with open(path, "w") as f:
        f.write("timestamp,value\n")
        f.writelines(f"{60 * i},{i * 7919 % 1000 / 500}\n" for i in range(2_000_000))
    with open(tmp_path / "out", "wb") as out:
        process = subprocess.Popen([BACKDRAFT, "replay", path], stdout=out)
        _, status, used = os.wait4(process.pid, 0)
    process.returncode = os.waitstatus_to_exitcode(status)
    print(f"{used.ru_utime + used.ru_stime:.2f} s of CPU for 2 million points")
    assert process.returncode == 0
    assert used.ru_utime + used.ru_stime < 3 * 5 / 5
