# SPDX-License-Identifier: BSD-2-Clause
"""Debian's kernels, fetched by apt with a configuration of its own and unpacked below build/vm: the
image, and the modules that a disk needs.

The system's own apt sources, package state and caches are never touched. A kernel that is there
already is used as it is, so that only the first run needs the network.
"""

import os
import pathlib
import re
import shutil
import subprocess

ROOT = pathlib.Path(__file__).resolve().parents[2]
WORK = ROOT / os.environ.get("O", "build") / "vm"
KEYRING = "/usr/share/keyrings/debian-archive-keyring.gpg"

# version -> Debian's name of the release
RELEASES = {"5.10": "bullseye", "6.1": "bookworm"}
# For ext4 on a virtio disk, in the order in which they are loaded.
DISK_MODULES = ("virtio", "virtio_ring", "virtio_pci_modern_dev", "virtio_pci_legacy_dev", "virtio_pci",
                "virtio_blk", "crc32c_generic", "libcrc32c", "crc16", "mbcache", "jbd2", "ext4")
MODULE_FILES = ("drivers/virtio/virtio*", "drivers/block/virtio_blk", "crypto/crc32c_generic", "lib/*crc*",
                "fs/mbcache", "fs/jbd2/jbd2", "fs/ext4/ext4")


class Unavailable(Exception):
    """The kernel can't be had: no network, no apt, or no such package."""


class Kernel:
    """A kernel image that can be booted: `image` is the bzImage, `release` what uname -r says,
    `disk_modules` are the files of DISK_MODULES that this one has as modules."""

    def __init__(self, version, image):
        self.version = version
        self.image = image
        self.release = image.name.removeprefix("vmlinuz-")
        found = {path.stem: path for path in image.parents[1].glob(f"lib/modules/{self.release}/**/*.ko")}
        self.disk_modules = [found[name] for name in DISK_MODULES if name in found]


def run(*argv, **kwargs):
    done = subprocess.run(argv, capture_output=True, text=True, timeout=300, **kwargs)
    if done.returncode:
        lines = (done.stderr or done.stdout).strip().splitlines()
        raise Unavailable(f"{argv[0]}: {lines[-1] if lines else 'failed'}")
    return done.stdout


def mirrors():
    """Where this machine's packages come from, DEBIAN_MIRROR first: a mirror has old releases too,
    until they are archived, and on other distributions it is the only one."""
    found = os.environ.get("DEBIAN_MIRROR", "").split()
    for uri in run("apt-get", "indextargets", "--format", "$(REPO_URI)").split():
        uri = uri.rstrip("/")
        if uri.endswith("/debian") and uri not in found:
            found.append(uri)
    if not found:
        raise Unavailable("apt knows no mirror of Debian: name one in DEBIAN_MIRROR")
    return found


def apt_config(directory, mirror, suite):
    """Write an apt configuration that reads nothing of the system's and keeps all state here."""
    for name in ("lists/partial", "cache/archives/partial"):
        (directory / name).mkdir(parents=True, exist_ok=True)
    (directory / "status").touch()
    (directory / "sources.list").write_text(
        f"deb [arch=amd64 signed-by={KEYRING}] {mirror} {suite} main\n")
    conf = directory / "apt.conf"
    conf.write_text(f"""\
Dir::Etc::main "/dev/null";
Dir::Etc::parts "/dev/null";
Dir::Etc::sourcelist "{directory}/sources.list";
Dir::Etc::sourceparts "/dev/null";
Dir::Etc::preferences "/dev/null";
Dir::Etc::preferencesparts "/dev/null";
Dir::State "{directory}";
Dir::State::Lists "{directory}/lists";
Dir::State::status "{directory}/status";
Dir::Cache "{directory}/cache";
APT::Architecture "amd64";
APT::Architectures "amd64";
APT::Sandbox::User "root";
Acquire::Languages "none";
Acquire::Retries "3";
Acquire::http::Timeout "30";
Acquire::Check-Valid-Until "false";
""")
    return dict(os.environ, APT_CONFIG=str(conf))


def newest_image(env, version):
    """The name of the package with the newest kernel of that version."""
    names = run("apt-cache", "pkgnames", f"linux-image-{version}", env=env).split()
    found = [(int(m[1]), name) for name in names
             if (m := re.fullmatch(rf"linux-image-{re.escape(version)}\.0-(\d+)-amd64", name))]
    if not found:
        raise Unavailable(f"no linux-image-{version}.0-N-amd64 in this release")
    return max(found)[1]


def fetch(version, directory):
    """Download and unpack the image of the newest `version` kernel of its release."""
    suite = RELEASES[version]
    reasons = []
    for mirror in mirrors():
        apt = directory / "apt"
        shutil.rmtree(apt, ignore_errors=True)
        env = apt_config(apt, mirror, suite)
        try:
            run("apt-get", "update", "-qq", "-o", "APT::Update::Error-Mode=any", env=env)
            name = newest_image(env, version)
            run("apt-get", "download", "-qq", name, env=env, cwd=directory)
        except (Unavailable, OSError, subprocess.TimeoutExpired) as why:
            reasons.append(f"{mirror} {suite}: {why}")
            continue
        package = next(directory.glob(f"{name}_*.deb"))
        with subprocess.Popen(["dpkg-deb", "--fsys-tarfile", package],
                              stdout=subprocess.PIPE) as archive:
            run("tar", "-x", "-C", str(directory), "--wildcards", "./boot/vmlinuz-*",
                *(f"./lib/modules/*/kernel/{name}.ko" for name in MODULE_FILES),
                stdin=archive.stdout)
        package.unlink()
        shutil.rmtree(apt)
        return
    raise Unavailable("; ".join(reasons))


def get(version):
    """The kernel of that version, fetched at the first call. Raises Unavailable with the reason."""
    directory = WORK / version
    directory.mkdir(parents=True, exist_ok=True)
    images = sorted(directory.glob("boot/vmlinuz-*"))
    if not images or not Kernel(version, images[-1]).disk_modules:
        fetch(version, directory)
        images = sorted(directory.glob("boot/vmlinuz-*"))
    if not images:
        raise Unavailable(f"{directory}: the package holds no boot/vmlinuz")
    return Kernel(version, images[-1])
