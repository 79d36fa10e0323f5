# SPDX-License-Identifier: BSD-2-Clause
"""The power goes while reports are spooled, uploaded and received, all in one guest with one disk: what
was acknowledged is there at the next boot. kill -9 leaves the page cache alone and shows none of this.

Each boot looks at what the last cut left, tells of it, and works on until it is cut itself. The names of
what was acknowledged leave the guest over its serial port; those that don't get out in time count as
not acknowledged. `make test-power` cuts 30 times, and shows that it fails without fsync: POWER_CUTS,
POWER_SEED.
"""

import os
import pathlib
import random
import re
import shutil
import subprocess
import sys
import tempfile
import time

import disk
import kernels
import pytest
import vm
from test_kernels import BUILD, with_libraries

CUTS = int(os.environ.get("POWER_CUTS", "1"))
SEED = int(os.environ.get("POWER_SEED", "1"))
CUTS_A_DISK = 10
BOOT_S, WORK_S = 90, 90
# Reports that are acknowledged, by the spool or the receiver, between two cuts.
MOST_A_CUT = 600 if CUTS > 1 else 200
KERNEL = "6.1"

PROGRAMS = [BUILD / "backdraft", BUILD / "backdraft-server", BUILD / "tools" / "fleetsim",
            BUILD / "tests" / "system" / "spool_driver"]
PRELOAD = BUILD / "tests" / "system" / "fault_preload.so"

# What is said goes to the port that only it uses: lines `@WORD …`, or those of the programs.
SCRIPT = """\
for module in /modules/*; do insmod $module; done
mkdir /disk
mount -t ext4 /dev/vda /disk || exit 1
[ -d /disk/data ] || { mkdir -m 700 /disk/data; mkdir -m 770 /disk/spool; }
chown nobody /disk/data; chgrp nogroup /disk/spool
[ -z "$fault" ] || export FAULT=$fault LD_PRELOAD=/bin/fault.so
say() { echo "$@" >&9; }
server="backdraft-server --data /disk/data --user nobody"
[ ! -f /disk/data/reports.db ] || { $server fsck >/tmp/fsck 2>&1; say "@fsck $? $(head -1 /tmp/fsck)"; }
backdraft spool --verify --dir /disk/spool >/tmp/spool 2>&1; say "@spool $? $(grep -m1 damaged: /tmp/spool)"
for name in $(ls /disk/spool | grep '\\.bdr$'); do say "waits $name"; done
$server --listen 127.0.0.1:8740 2>/tmp/server &
until wget -q -O /tmp/ready http://127.0.0.1:8740/readyz; do
	kill -0 $! || { say "@dead $(tail -1 /tmp/server)"; exit 1; }
	sleep 0.1
done
page='limit=1000'
while [ -n "$page" ]; do
	wget -q -O /tmp/page "http://127.0.0.1:8740/v1/reports?$page" || say "@unreadable"
	grep -o '"id": *"[0-9a-f]*"' /tmp/page | sed 's/.*"\\([0-9a-f]*\\)"/stored \\1/' >&9
	page=$(sed -n 's/.*"next": *"\\([^"]*\\)".*/limit=1000\\&next=\\1/p' /tmp/page)
done
say "@looked"
[ -z "$last" ] || exit 0
spool_driver /disk/spool 100000 oom $second 5 40 >&9 &
fleetsim --to 127.0.0.1:8740 --bytes 4000 --hosts 20 --connections 16 --seconds 600 --ids >&9 &
backdraft upload --config /agent.conf >/tmp/upload 2>&1
"""
AGENT = "[agent]\nspool_dir = /disk/spool\n[upload]\nurl = http://127.0.0.1:8740\nuser = nobody\n"


class Told:
    """What one boot has said."""

    def __init__(self, text):
        lines = text.replace("\r", "").split("\n")[:-1]  # the last one was cut
        self.all = lines

    def words(self, first):
        return [line.split(" ", 1)[1] for line in self.all if line.startswith(first + " ")]

    def has(self, line):
        return line in self.all


def make_initrd(kernel, directory):
    """The same one for each boot. Debug information would only be unpacked."""
    files = with_libraries(PROGRAMS)
    for path in PROGRAMS:
        subprocess.run(["strip", "-o", directory / path.name, path], check=True)
        files[f"bin/{path.name}"] = directory / path.name
    files["bin/fault.so"] = PRELOAD
    files["etc/passwd"] = b"root:x:0:0::/:/bin/sh\nnobody:x:65534:65534::/:/bin/sh\n"
    files["etc/group"] = b"root:x:0:\nnogroup:x:65534:\n"
    files["agent.conf"] = AGENT.encode()
    for number, module in enumerate(kernel.disk_modules):
        files[f"modules/{number:02}"] = module
    (directory / "initrd").write_bytes(vm.initramfs([SCRIPT], files, []))


def make_disk(directory):
    path = directory / "disk.img"
    path.unlink(missing_ok=True)
    with open(path, "wb") as image:
        image.truncate(512 << 20)
    subprocess.run(["/sbin/mke2fs", "-q", "-F", "-t", "ext4", path], check=True)
    (directory / "nbd").unlink(missing_ok=True)
    return disk.Disk(path, directory / "nbd")


class Machine:
    """One disk, and what must be on it."""

    def __init__(self, kernel, directory, chance, fault=""):
        self.kernel, self.directory, self.random, self.fault = kernel, directory, chance, fault
        self.disk = make_disk(directory)
        self.boots = 0
        self.spooled, self.acknowledged, self.lost = set(), set(), []
        self.stored, self.waiting = 0, 0

    def boot(self, last=False):
        """Boots, has it look at what is there, and lets it work for a while unless it is the last."""
        results = self.directory / "results"
        results.unlink(missing_ok=True)
        second = 1_700_000_000 + 1_000_000 * self.boots
        self.boots += 1
        append = f"second={second} fault={self.fault} last={'yes' if last else ''}"
        argv = vm.qemu_argv(self.kernel, self.directory, 2, 512, self.disk.qemu(), append)
        self.disk.plug()
        with subprocess.Popen(argv, stdin=subprocess.DEVNULL) as guest:
            try:
                end = time.monotonic() + BOOT_S
                while not re.search(rb"^@(looked|dead|result)", self.said(), re.M):
                    assert guest.poll() is None and time.monotonic() < end, self.why(guest)
                    time.sleep(0.1)
                if not last:
                    self.work()
            finally:
                self.disk.cut(guest, self.random, self.random.choice((1, 1, 0.5, 0.1)))
        self.account(Told(self.said().decode(errors="replace")))

    def work(self):
        """Until so many were acknowledged, and then until a moment that nothing agrees with."""
        enough, end = self.random.randint(1, MOST_A_CUT), time.monotonic() + WORK_S
        while self.said().count(b"acknowledged ") + self.said().count(b"spooled ") < enough:
            assert time.monotonic() < end, f"not {enough} reports within {WORK_S} s: {self.said()[-500:]}"
            time.sleep(0.05)
        time.sleep(self.random.uniform(0, 0.3))

    def said(self):
        path = self.directory / "results"
        return path.read_bytes() if path.exists() else b""

    def why(self, guest):
        console = (self.directory / "console").read_text(errors="replace").splitlines()[-20:]
        return "\n".join(["the guest did not come up", *console, self.said()[-2000:].decode(),
                          f"status {guest.poll()}"])

    def account(self, told):
        """What this boot found must have all that earlier ones were told; then what it was told itself."""
        stored = told.words("stored")
        waiting = {name.removesuffix(".bdr") for name in told.words("waits")}
        there = set(stored)
        self.lost += [f"acknowledged {ident}" for ident in self.acknowledged - there]
        self.lost += [f"spooled {name}" for name in self.spooled - waiting
                      if name.rpartition("-")[2] not in there]
        if len(stored) != len(there):
            self.lost.append(f"{len(stored) - len(there)} are stored twice")
        self.lost += [line for line in told.all if line.startswith(("@dead", "@unreadable"))]
        self.lost += [f"fsck {said}" for said in told.words("@fsck") if said != "0 nothing is wrong"]
        self.lost += [f"spool {said}" for said in told.words("@spool") if said.strip() != "0"]
        self.stored, self.waiting = len(there), len(waiting)
        self.spooled |= set(told.words("spooled"))
        self.acknowledged |= set(told.words("acknowledged"))


@pytest.fixture(scope="module")
def bench():
    """A kernel and a directory with its initramfs."""
    if not shutil.which("qemu-system-x86_64"):
        pytest.skip("qemu-system-x86_64: install it with tools/deps vm")
    try:
        kernel = kernels.get(KERNEL)
    except kernels.Unavailable as why:
        pytest.skip(f"Linux {KERNEL}: {why}")
    with tempfile.TemporaryDirectory(prefix="backdraft-power.") as directory:
        directory = pathlib.Path(directory)
        make_initrd(kernel, directory)
        yield kernel, directory


def say(text):
    print(text, file=sys.stderr, flush=True)


def test_what_was_acknowledged_is_there(bench):
    kernel, directory = bench
    chance = random.Random(SEED)
    spooled = acknowledged = flushes = forgotten = 0
    for first in range(0, CUTS, CUTS_A_DISK):
        machine = Machine(kernel, directory, chance)
        for _ in range(min(CUTS_A_DISK, CUTS - first)):
            machine.boot()
            say(f"cut {first + machine.boots}: {len(machine.spooled)} spooled, "
                f"{len(machine.acknowledged)} acknowledged, {machine.disk.forgotten} blocks forgotten")
            assert not machine.lost, machine.lost[:10]
        machine.boot(last=True)
        assert not machine.lost, machine.lost[:10]
        machine.disk.close()
        spooled += len(machine.spooled)
        acknowledged += len(machine.acknowledged)
        flushes += machine.disk.flushes
        forgotten += machine.disk.forgotten
    say(f"seed {SEED}: {CUTS} cuts; {spooled} spooled and {acknowledged} acknowledged reports are all "
        f"there; {flushes} flushes, {forgotten} blocks forgotten")
    assert spooled > 0 and acknowledged > 10 * CUTS and flushes > 10 * CUTS
    assert forgotten > CUTS or CUTS < 10, "a disk that forgets next to nothing shows little"


@pytest.mark.skipif(CUTS < 2, reason="optional: `make test-power` has it")
def test_without_fsync_it_is_not(bench):
    """The same with an fsync that does nothing: losses are found, so the look above would find them."""
    kernel, directory = bench
    machine = Machine(kernel, directory, random.Random(SEED), fault="fsync:0:1")
    while not machine.lost and machine.boots < 6:
        machine.boot()
    machine.disk.close()
    say(f"without fsync, after {machine.boots - 1} cuts: {len(machine.lost)} losses, {machine.lost[:3]}")
    assert machine.lost
