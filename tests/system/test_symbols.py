# SPDX-License-Identifier: BSD-2-Clause
"""Names of real programs: stripped ones later, elsewhere (export --symbols), and inlined functions."""

import ctypes.util
import functools
import http.server
import json
import os
import re
import socket
import subprocess
import threading
import time

import pytest

SOURCE = r"""
#include <stdint.h>
#include <time.h>
static volatile uint64_t sink;
static inline __attribute__((always_inline)) void inlined_work(uint64_t n)
{
	while (n--)
		sink = sink * 6364136223846793005u + 1442695040888963407u;
}
__attribute__((noinline)) void outer_work(void)
{
	inlined_work(1000000);
	__asm__ volatile("");
}
int main(void)
{
	struct timespec now, begin;

	clock_gettime(CLOCK_MONOTONIC, &begin);
	do {
		outer_work();
		clock_gettime(CLOCK_MONOTONIC, &now);
	} while (now.tv_sec - begin.tv_sec < 2);
	return 0;
}
"""


@pytest.fixture(scope="module")
def programs(tmp_path_factory):
    """A directory with the program (`full/burner`) and a stripped copy (`burner`)."""
    where = tmp_path_factory.mktemp("symbols")
    (where / "full").mkdir()
    (where / "burner.c").write_text(SOURCE)
    subprocess.run(["gcc", "-g", "-O2", "-fno-omit-frame-pointer", "-Wl,--build-id",
                    "-o", where / "full/burner", where / "burner.c"], check=True)
    subprocess.run(["objcopy", "-S", where / "full/burner", where / "burner"], check=True)
    return where


def capture(build_dir, program, out):
    subprocess.run([build_dir / "backdraft", "capture", "-F", "199", "-o", out, "--", program],
                   check=True, capture_output=True, timeout=60)


def export(build_dir, report, *options, form="json"):
    done = subprocess.run([build_dir / "backdraft", "export", report, "-f", form, *options],
                          check=True, capture_output=True, text=True, timeout=60)
    return json.loads(done.stdout) if form == "json" else done.stdout


def share(folded, needle):
    """Of the burner's sampled time: the part of stacks with `needle` in them."""
    lines = [line.rpartition(" ") for line in folded.splitlines() if line.startswith("burner;")
             and "[not sampled]" not in line]
    total = sum(int(value) for _, _, value in lines)
    return sum(int(value) for stack, _, value in lines if needle in stack) / total


def test_inlined_functions_have_names_and_lines(build_dir, programs):
    out = programs / "full.bdr"
    capture(build_dir, programs / "full/burner", out)
    assert share(export(build_dir, out, form="folded"), "outer_work;inlined_work_[i]") > 0.9
    report = export(build_dir, out)
    frames, strings = report["frames"], report["strings"]
    inlined = [i for i, name in enumerate(frames["name"]) if strings[name] == "inlined_work"]
    assert inlined
    for i in inlined:
        assert strings[frames["kind"][i]] == "inlined"
        assert strings[frames["file"][i]].endswith("burner.c")
        assert SOURCE.splitlines()[frames["line"][i] - 1].strip() != ""


def test_a_stripped_program_gets_its_names_elsewhere(build_dir, programs):
    out = programs / "stripped.bdr"
    capture(build_dir, programs / "burner", out)
    before = export(build_dir, out, form="folded")
    assert share(before, "burner+0x") > 0.9
    assert "outer_work" not in before
    after = export(build_dir, out, "--symbols", programs / "full", form="folded")
    assert share(after, "outer_work;inlined_work_[i]") > 0.9
    # Nothing is lost or counted twice on the way.
    assert sum(int(line.rpartition(" ")[2]) for line in before.splitlines()) == \
        sum(int(line.rpartition(" ")[2]) for line in after.splitlines())


def test_wrong_directory(build_dir, programs):
    done = subprocess.run([build_dir / "backdraft", "export", programs / "stripped.bdr", "-f", "folded",
                           "--symbols", "/nowhere"], capture_output=True, text=True, timeout=60)
    assert done.returncode == 2 and "/nowhere" in done.stderr and done.stdout == ""


class Server(http.server.SimpleHTTPRequestHandler):
    """debuginfod's protocol is plain HTTP: /buildid/HEX/debuginfo."""

    def log_message(self, *args):
        pass


def fetch(build_dir, report, cache, port):
    begin = time.monotonic()
    done = subprocess.run([build_dir / "backdraft", "export", report, "-f", "folded", "--debuginfod"],
                          capture_output=True, text=True, timeout=60,
                          env={**os.environ, "DEBUGINFOD_URLS": f"http://127.0.0.1:{port}",
                               "DEBUGINFOD_CACHE_PATH": str(cache), "no_proxy": "*"})
    return done, time.monotonic() - begin


@pytest.mark.skipif(not ctypes.util.find_library("debuginfod"), reason="optional: no libdebuginfod")
def test_debuginfod(build_dir, programs, tmp_path):
    notes = subprocess.run(["readelf", "-n", programs / "full/burner"], capture_output=True, text=True,
                           check=True).stdout
    build_id = notes.partition("Build ID: ")[2].split()[0]
    served = tmp_path / "www/buildid" / build_id
    served.mkdir(parents=True)
    subprocess.run(["objcopy", "--only-keep-debug", programs / "full/burner", served / "debuginfo"],
                   check=True)
    handler = functools.partial(Server, directory=tmp_path / "www")
    server = http.server.ThreadingHTTPServer(("127.0.0.1", 0), handler)
    threading.Thread(target=server.serve_forever, daemon=True).start()
    done, _ = fetch(build_dir, programs / "stripped.bdr", tmp_path / "cache", server.server_port)
    server.shutdown()
    server.server_close()
    assert done.returncode == 0, done.stderr
    assert share(done.stdout, "outer_work;inlined_work_[i]") > 0.9


@pytest.mark.skipif(not ctypes.util.find_library("debuginfod"), reason="optional: no libdebuginfod")
def test_debuginfod_that_never_answers(build_dir, programs, tmp_path):
    with socket.create_server(("127.0.0.1", 0)) as silent:
        done, seconds = fetch(build_dir, programs / "stripped.bdr", tmp_path / "cache",
                              silent.getsockname()[1])
    assert done.returncode == 0, done.stderr
    assert share(done.stdout, "burner+0x") > 0.9
    assert seconds < 6


def test_bpf_programs_have_names(build_dir, tmp_path):
    """Those of the capture itself, at the start and the end of 1,500 processes."""
    out = tmp_path / "a.bdr"
    subprocess.run([build_dir / "backdraft", "capture", "-F", "1999", "-o", out, "--",
                    build_dir / "tests/progs/forker", "1500", "1"],
                   check=True, capture_output=True, timeout=120)
    report = export(build_dir, out)
    frames, strings = report["frames"], report["strings"]
    names = {strings[name] for name, kind in zip(frames["name"], frames["kind"])
             if strings[kind] == "kernel"}
    assert any(re.fullmatch(r"bpf_prog_[0-9a-f]{16}_bd_(exit|exec|leave)", name) for name in names), \
        sorted(name for name in names if "bpf" in name)
