# SPDX-License-Identifier: BSD-2-Clause
"""The static binary on other kernels: what `doctor` says, and a capture that shows what burns."""

import gzip
import json
import os
import re
import shutil
import subprocess
import sys

import msgpack
import pytest

import kernels
import vm

ROOT = kernels.ROOT
sys.path.insert(0, str(ROOT / "tests" / "system"))

import bd  # noqa: E402
import chains  # noqa: E402
import crashes  # noqa: E402

BUILD = ROOT / os.environ.get("O", "build")
STATIC = BUILD / "backdraft-static"
SHARES = BUILD / "tests" / "progs" / "shares-static"
CRASH = BUILD / "tests" / "progs" / "crash-static"

# Known chains, each way that a program is linked; what differs only in its symbols is left out.
CHAINS = [name for name in ("chains-static", "chains-static-pie", "chains-dynamic", "chains-cpp",
                            "chains-rs") if (chains.CHAINS / name).exists()]
CHAIN_MS, CHAIN_HZ = 80, 499

VICTIMS = ("v-null", "v-frozen", "v-filter")  # of crashes.sh
WATCH = """[agent]
state_dir = /tmp/state
spool_dir = /tmp/spool
socket = /tmp/socket
before = 8s
[machine]
deviation = off
""" + "".join(crashes.CLIENT.format(name=name, match=name, more="") for name in VICTIMS)

# what burns in tests/progs/shares, with its share of each thread's time in percent
BURNING = {"burn_half": 50, "burn_third": 30, "burn_fifth": 20}


def with_libraries(programs):
    """A guest's files for these programs: themselves, and the libraries that they are linked with."""
    files = {f"bin/{path.name}": path for path in programs}
    for path in programs:
        done = subprocess.run(["ldd", path], capture_output=True, text=True)
        files.update((library.lstrip("/"), library)
                     for library in re.findall(r"(/\S+) \(0x", done.stdout))
    return files


@pytest.fixture(scope="module")
def guest(kernel):
    """One boot for all tests of a kernel: booting costs more than the tests."""
    done = vm.run(
        kernel,
        [
            "backdraft --version",
            "backdraft doctor",
            "shares 60000 >/dev/null & backdraft capture -d 5 -o /tmp/burn.bdr; s=$?; kill $!; exit $s",
            "backdraft export /tmp/burn.bdr -f folded",
            "backdraft show /tmp/burn.bdr",
            "gzip -1 -c /sys/kernel/btf/vmlinux >/tmp/btf.gz",
            "cpu1=/sys/devices/system/cpu/cpu1/online; shares 60000 >/dev/null & burn=$!; "
            "backdraft capture -d 16 -o /tmp/hotplug.bdr & record=$!; "
            "sleep 7; echo 0 >$cpu1; sleep 1.5; echo 1 >$cpu1; "
            "sleep 4; echo 0 >$cpu1; sleep 1.5; echo 1 >$cpu1; wait $record; s=$?; kill $burn; exit $s",
            f"backdraft capture -F {CHAIN_HZ} -o /tmp/chains.bdr -- sh -c '"
            f"for program in {' '.join(CHAINS)}; do for case in $($program); do "
            f"$program $case {CHAIN_MS} || exit 1; done; done >/tmp/chains'",
            "backdraft capture -d 60 -o /tmp/crash.bdr -- /bin/crash null 8 >/dev/null; s=$?; "
            "backdraft show /tmp/crash.bdr; exit $s",
            "timeout 100 sh /crashes.sh",
            "dmesg | grep -E 'BUG: |WARNING: |Oops|lockup|detected stall|scheduling while' || true",
        ],
        files={"bin/backdraft": STATIC, "bin/shares": SHARES, "bin/crash": CRASH,
               "crashes.sh": ROOT / "tests" / "vm" / "crashes.sh", "w.conf": WATCH.encode(),
               **{f"bin/{name}": CRASH for name in VICTIMS},
               **with_libraries([chains.CHAINS / name for name in [*CHAINS, "libchain.so"]])},
        fetch=["/tmp/burn.bdr", "/tmp/btf.gz", "/tmp/hotplug.bdr", "/tmp/chains.bdr", "/tmp/chains",
               "/tmp/dump.bdr", *(f"/tmp/{name}.bdr" for name in VICTIMS)],
        timeout_s=240,
    )
    btf = gzip.decompress(done.files["/tmp/btf.gz"])
    (kernels.WORK / kernel.version / "btf").write_bytes(btf)
    return done


def test_doctor_finds_nothing_that_is_in_the_way(guest, kernel):
    assert guest.results[0].status == 0, guest.results[0]
    assert guest.results[1].status == 0, guest.results[1]
    said = guest.results[1].stdout.decode()
    assert kernel.release in said
    assert not re.search(r"^FAIL", said, re.M), said


def shares_of(folded):
    """function -> percent of the program's time that is below the function."""
    sums, total = dict.fromkeys(BURNING, 0), 0
    for line in folded.splitlines():
        stack, value = line.rsplit(" ", 1)
        frames = stack.split(";")
        if frames[0] != "shares":
            continue
        total += int(value)
        for name in BURNING:
            if name in frames:
                sums[name] += int(value)
    assert total > 0, f"nothing of shares in {folded[:2000]}"
    return {name: 100 * value / total for name, value in sums.items()}


def test_capture_shows_what_burns(guest):
    assert guest.results[2].status == 0, guest.results[2]
    assert guest.results[3].status == 0, guest.results[3]
    found = shares_of(guest.results[3].stdout.decode())
    for name, share in BURNING.items():
        # A window of a few of its rounds, on an emulated CPU that others slow down.
        assert abs(found[name] - share) <= 15, found


def test_the_report_comes_out_whole(guest):
    report = msgpack.unpackb(gzip.decompress(guest.files["/tmp/burn.bdr"]), strict_map_key=False)
    assert report["schema"] == "backdraft.report/1"
    loss = report["loss"]
    assert loss["recorded"] + loss["lost"] == loss["fired"], loss
    assert loss["recorded"] > 0


def test_the_same_report_reads_here(guest, tmp_path):
    """What another kernel's machine wrote, this one's tool shows the same."""
    path = tmp_path / "burn.bdr"
    path.write_bytes(guest.files["/tmp/burn.bdr"])
    here = subprocess.run([STATIC, "export", path, "-f", "folded"], capture_output=True)
    assert here.returncode == 0, here.stderr
    assert here.stdout == guest.results[3].stdout


def test_a_crash_has_the_stack_of_every_thread(guest):
    """The known ones, of threads that sleep, wait for a lock, read and spin."""
    assert guest.results[8].status == 0, guest.results[8]
    shown = guest.results[8].stdout.decode()
    assert "crash died of SIGSEGV (address 0x0 not mapped) in die_null; 9 threads" in shown, shown
    assert "no code at 0x0" in shown and "left out" not in shown, shown
    for name in ("sleep", "lock", "read", "spin"):
        frames = rf"in_{name}\b.*\n *middle_{name}\b.*\n *root_{name}\b"
        assert re.search(frames, shown), f"{name} in {shown}"


@pytest.fixture
def dump_in(guest, tmp_path):
    """The dump of a report that crashes.sh left in the guest."""
    assert guest.results[9].status == 0, guest.results[9]

    def read(name):
        path = tmp_path / f"{name}.bdr"
        path.write_bytes(guest.files[f"/tmp/{name}.bdr"])
        return crashes.Dump(bd.Report(path))

    return read


def known_threads(dump, program):
    """How many of its threads are where their names say; the C library is a part of the program."""
    known = [thread for thread in dump.threads if thread["name"] in crashes.KNOWN and thread["frames"]]
    for thread in known:
        ours = [name for name in dump.functions(thread, program)
                if name.startswith(("in_", "middle_", "root_"))]
        assert ours == crashes.KNOWN[thread["name"]], thread
    return len(known)


def test_a_watched_client_that_crashes(dump_in):
    dump = dump_in("v-null")
    assert dump.trigger["kind"] == "crash"
    assert "v-null died of SIGSEGV (address 0x0 not mapped) in die_null" in dump.trigger["explanation"]
    assert dump.functions(dump.first, "v-null")[:2] == ["die_null", "main"], dump.first
    assert known_threads(dump, "v-null") == 6 and not dump.raw["left_out"], dump.raw["left_out"]


def test_all_stacks_of_a_living_process(guest, dump_in):
    """Where doctor says that it works; elsewhere it says what else there is."""
    said = re.search(r"^(\w+) +living threads", guest.results[1].stdout.decode(), re.M)
    if said[1] == "warn":
        assert "/tmp/dump.bdr" not in guest.files and b"gdb -p" in guest.results[9].stderr
        return
    dump = dump_in("dump")
    assert dump.death["kind"] == "none" and dump.raw["threads_total"] == 7
    calls = {"sleep": "clock_nanosleep", "lock": "futex", "read": "read"}
    for thread in dump.threads[1:]:
        assert thread["state"] == f"blocked in {calls[thread['name']]}", thread
    assert known_threads(dump, "v-null") == 6 and not dump.raw["left_out"], dump.raw["left_out"]


def test_a_thread_that_never_came_by_is_named(guest, dump_in):
    dump = dump_in("v-frozen")
    (frozen,) = [thread for thread in dump.threads if "never came by" in thread["state"]]
    assert frozen["name"] == "sleep" and frozen["tid"] == int(guest.results[9].stdout), frozen
    assert "clock_nanosleep" in frozen["state"] and not frozen["frames"], frozen
    assert dump.raw["left_out"] == {"it never came by": 1}
    assert known_threads(dump, "v-frozen") == 2 and len(dump.threads) == 4


def test_a_filter_that_kills(dump_in):
    """Who made the system call has no memory left where the kernel sends it no signal."""
    dump = dump_in("v-filter")
    assert dump.raw["signal_name"] == "SIGSYS" and dump.death["kind"] == "signal"
    assert dump.raw["tid"] == dump.death["pid"] == dump.first["tid"]
    leaf = dump.first["frames"][0]
    assert leaf["name"] in ("die_filter", "[unwind: memory gone]"), dump.first
    assert known_threads(dump, "v-filter") == 3, dump.threads


def test_the_kernel_complained_of_nothing(guest):
    assert guest.results[-1].stdout == b"", guest.results[-1]


def test_known_chains_are_walked(guest, tmp_path):
    """The programs of tests/system/test_chains.py: 99.9 % of all samples have exactly their chain."""
    assert guest.results[7].status == 0, guest.results[7]
    path = tmp_path / "chains.bdr"
    path.write_bytes(guest.files["/tmp/chains.bdr"])
    report = bd.Report(path)
    truths = [json.loads(line) for line in guest.files["/tmp/chains"].splitlines()]
    assert len(truths) > 40
    found = {f"{number} {truth['case']}": chains.compare(report, truth)
             for number, truth in enumerate(truths)}
    total = sum(each.total for each in found.values())
    # An emulated CPU that others slow down gets some of its ticks, not all.
    assert sum(each.total >= 5 for each in found.values()) >= 0.9 * len(found), found
    wrong = {case: each.wrong for case, each in found.items() if each.wrong}
    assert sum(sum(each.values()) for each in wrong.values()) <= 0.001 * total, wrong


def test_a_cpu_goes_and_comes_back(guest):
    """Samples of CPU 1 before it went and after it came back, none in between, and all accounted for."""
    assert guest.results[6].status == 0, guest.results[6]
    report = msgpack.unpackb(gzip.decompress(guest.files["/tmp/hotplug.bdr"]), strict_map_key=False)
    loss, machine, samples = report["loss"], report["machine"], report["samples"]
    assert loss["recorded"] + loss["lost"] == loss["fired"], loss
    times = [t / 1e9 for t, cpu in zip(samples["t_ns"], samples["cpu"]) if cpu == 1]
    gaps = [(b - a, a) for a, b in zip(times, times[1:])]
    widest, where = max(gaps)
    assert widest > 0.6, f"{widest:.2f} s at {where:.2f} s; {guest.results[6].stderr}"
    assert len([t for t in times if t > where + 0.5]) > 20, "no samples of CPU 1 after it came back"
    window_ns = report["window"]["end_ns"] - report["window"]["start_ns"]
    assert machine["capacity_ns"] < 1.95 * window_ns, machine
    parts = machine["threads_ns"] + machine["idle_ns"] + machine["steal_ns"] + machine["irq_ns"]
    assert abs(parts / machine["capacity_ns"] - 1) < 0.1, machine


def test_static_binary_needs_nothing(tmp_path):
    kind = subprocess.run(["file", "-b", STATIC], capture_output=True, text=True, check=True).stdout
    assert "statically linked" in kind or "static-pie linked" in kind
    if os.geteuid() != 0:
        pytest.skip("chroot needs root")
    shutil.copy(STATIC, tmp_path / "backdraft")
    done = subprocess.run(["chroot", tmp_path, "/backdraft", "--version"], capture_output=True,
                          text=True)
    assert done.returncode == 0, done.stderr
    assert done.stdout.startswith("backdraft ")
    assert os.listdir(tmp_path) == ["backdraft"]


def test_vmlinux_h_fits_every_kernel():
    """Last: what one kernel lacks must fit another, so all of them are compared at once."""
    saved = [kernels.WORK / version / "btf" for version in kernels.RELEASES]
    assert all(path.exists() for path in saved), "a kernel did not boot"
    done = subprocess.run([ROOT / "tools" / "check-vmlinux", *saved, "/sys/kernel/btf/vmlinux"],
                          capture_output=True, text=True)
    assert done.returncode == 0, done.stderr
