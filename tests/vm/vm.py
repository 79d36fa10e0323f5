# SPDX-License-Identifier: BSD-2-Clause
"""Boot a kernel in qemu, run commands in it, and bring back what they printed and wrote.

    done = vm.run(kernel, ["uname -r", "backdraft capture -d 1 -o /r.bdr"],
                  files={"bin/backdraft": path}, fetch=["/r.bdr"])
    done.results[0].stdout, done.files["/r.bdr"]

The guest is an initramfs of busybox and `files`; /proc, /sys and tracefs are mounted, /tmp is
writable, there is no network. No module is needed: results come back over the second serial port,
base64 between marks, so that nothing the kernel prints on the first can get into them.
"""

import base64
import dataclasses
import gzip
import io
import os
import pathlib
import shlex
import shutil
import subprocess
import tempfile

SHELL_PATHS = ("/bin/busybox", "/usr/bin/busybox")
BOOT_ARGS = "console=ttyS0 quiet loglevel=4 panic=-1 oops=panic rdinit=/init"

INIT = """\
#!/bin/sh
export PATH=/bin HOME=/ TERM=dumb
mount -t proc proc /proc
mount -t sysfs sysfs /sys
mount -t devtmpfs dev /dev 2>/dev/null
mount -t tracefs tracefs /sys/kernel/tracing 2>/dev/null
mount -t cgroup2 cgroup2 /sys/fs/cgroup 2>/dev/null
mount -t bpf bpf /sys/fs/bpf 2>/dev/null
hostname vm
ip link set lo up 2>/dev/null
stty -F /dev/ttyS1 raw -echo 2>/dev/null
exec 9>/dev/ttyS1
n=0
while [ -f /commands/$n ]; do
	sh /commands/$n >/tmp/.out 2>/tmp/.err </dev/null
	{ echo "@result $n $?"; base64 /tmp/.out; echo "@stderr"; base64 /tmp/.err; echo "@end"; } >&9
	stty -F /dev/ttyS1 raw -echo # which waits until all of it is out, should the next one crash
	n=$((n + 1))
done
while read -r path; do
	[ -f "$path" ] || continue
	{ echo "@file $path"; base64 "$path"; echo "@end"; } >&9
done </commands/fetch
echo "@done" >&9
sync
poweroff -f
"""


class VmError(Exception):
    """The guest did not boot or did not get to the end; the message has the last of its console."""


@dataclasses.dataclass
class Result:
    command: str
    status: int
    stdout: bytes
    stderr: bytes

    def __str__(self):
        return (f"$ {self.command}\n{self.stdout.decode(errors='replace')}"
                f"{self.stderr.decode(errors='replace')}[exit status {self.status}]")


@dataclasses.dataclass
class Done:
    results: list
    files: dict
    console: str


def busybox():
    for path in SHELL_PATHS:
        if os.path.exists(path):
            return pathlib.Path(path)
    raise FileNotFoundError("busybox (static): install it with tools/deps vm")


class Cpio:
    """A newc archive (see the kernel's Documentation/driver-api/early-userspace/buffer-format.rst)."""

    def __init__(self):
        self.out = io.BytesIO()
        self.inode = 0
        self.made = set()

    def add(self, name, mode, data=b"", rdev=(0, 0)):
        self.inode += 1
        encoded = name.encode() + b"\0"
        fields = (self.inode, mode, 0, 0, 1, 0, len(data), 0, 0, *rdev, len(encoded), 0)
        self.out.write(b"070701" + b"".join(b"%08X" % field for field in fields) + encoded)
        self.pad()
        self.out.write(data)
        self.pad()

    def pad(self):
        self.out.write(b"\0" * (-self.out.tell() % 4))

    def directory(self, name):
        for parent in [*reversed(pathlib.PurePosixPath(name).parents), name]:
            if str(parent) not in (".", *self.made):
                self.made.add(str(parent))
                self.add(str(parent), 0o040755)

    def file(self, name, data, mode=0o755):
        self.directory(pathlib.PurePosixPath(name).parent)
        self.add(name, 0o100000 | mode, data)

    def link(self, name, target):
        self.add(name, 0o120777, target.encode())

    def finish(self):
        self.add("TRAILER!!!", 0)
        return gzip.compress(self.out.getvalue(), 1)


def initramfs(commands, files, fetch):
    """The whole guest as a compressed archive. `files` maps a path in it to one here or to bytes."""
    cpio = Cpio()
    for name in ("proc", "sys", "dev", "tmp", "bin", "commands"):
        cpio.directory(name)
    cpio.add("dev/console", 0o020600, rdev=(5, 1))
    cpio.add("dev/null", 0o020666, rdev=(1, 3))
    shell = busybox()
    cpio.file("bin/busybox", shell.read_bytes())
    for applet in subprocess.run([shell, "--list"], capture_output=True, text=True,
                                 check=True).stdout.split():
        if applet != "busybox":
            cpio.link(f"bin/{applet}", "busybox")
    cpio.file("init", INIT.encode())
    for number, command in enumerate(commands):
        cpio.file(f"commands/{number}", command.encode() + b"\n")
    cpio.file("commands/fetch", "".join(f"{path}\n" for path in fetch).encode())
    for name, source in files.items():
        data = source if isinstance(source, bytes) else pathlib.Path(source).read_bytes()
        cpio.file(name.lstrip("/"), data)
    return cpio.finish()


def parse(serial, commands):
    """What came over the second serial port -> (results, files, whether the end was reached)."""
    results, files, target, blob = [], {}, None, []
    finished = False
    for line in serial.replace(b"\r", b"").split(b"\n"):
        if not line.startswith(b"@"):
            blob.append(line)
            continue
        data, blob = base64.b64decode(b"".join(blob)), []
        words = line.decode().split(" ", 2)
        if words[0] == "@result":
            number, status = int(words[1]), int(words[2])
            results.append(Result(commands[number], status, b"", b""))
            target = None
        elif words[0] == "@stderr":
            results[-1].stdout = data
        elif words[0] == "@file":
            target = line.decode().split(" ", 1)[1]
        elif words[0] == "@end" and target is not None:
            files[target] = data
        elif words[0] == "@end":
            results[-1].stderr = data
        elif words[0] == "@done":
            finished = True
    return results, files, finished


def qemu_argv(kernel, directory, cpus, memory_mb, more=(), append=""):
    """The guest of `directory`/initrd. `more` are options, `append` words NAME=VALUE that are in the
    environment of its init."""
    accel = os.environ.get("VM_ACCEL", "tcg")
    return ["qemu-system-x86_64", "-accel", accel, "-cpu", "max", "-smp", str(cpus),
            "-m", str(memory_mb), "-nodefaults", "-nographic", "-no-reboot",
            "-kernel", str(kernel.image), "-initrd", f"{directory}/initrd",
            "-append", f"{BOOT_ARGS} {append}",
            "-serial", f"file:{directory}/console", "-serial", f"file:{directory}/results", *more]


def run(kernel, commands, files=None, fetch=(), cpus=2, memory_mb=1024, timeout_s=180):
    """Boot `kernel`, run each of `commands` (shell text) in order, return a Done.

    A command that fails does not end the run; its status is in its Result. Raises VmError when the
    guest panics, hangs past `timeout_s` or does not answer for every command, and FileNotFoundError
    when qemu or busybox is not installed.
    """
    if not shutil.which("qemu-system-x86_64"):
        raise FileNotFoundError("qemu-system-x86_64: install it with tools/deps vm")
    with tempfile.TemporaryDirectory(prefix="backdraft-vm.") as directory:
        directory = pathlib.Path(directory)
        (directory / "initrd").write_bytes(initramfs(commands, files or {}, fetch))
        argv = qemu_argv(kernel, directory, cpus, memory_mb)
        why = "ended early"
        try:
            done = subprocess.run(argv, stdin=subprocess.DEVNULL, capture_output=True, text=True,
                                  timeout=timeout_s)
            if done.returncode:
                why = f"{shlex.join(argv[:1])}: {done.stderr.strip()}"
        except subprocess.TimeoutExpired:
            why = f"did not end within {timeout_s} s"
        console, serial = (path.read_bytes() if path.exists() else b""
                           for path in (directory / "console", directory / "results"))
        console = console.decode(errors="replace")
        results, found, finished = parse(serial, commands)
    if not finished or len(results) != len(commands):
        tail = "\n".join(console.splitlines()[-25:])
        raise VmError(f"Linux {kernel.release}: {why}, after {len(results)} of {len(commands)} "
                      f"commands\n{tail}")
    return Done(results, found, console)
