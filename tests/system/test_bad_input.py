# SPDX-License-Identifier: BSD-2-Clause
"""Bad input and hostile places: one clear line, status 1 or 2, no torn file, bounded memory."""

import gzip
import os
import random
import shutil
import struct
import time
import zlib

import pytest

import bd
import bombs

MEMORY_BYTES = 600 << 20


def fails_cleanly(tmp_path, *words, status=(1, 2)):
    """A check for what a failing command has printed, and that it left nothing behind."""
    def check(done):
        line = bd.one_error_line(done, *words, status=status)
        assert not list(tmp_path.iterdir()), "a file was left behind"
        return line
    return check


def test_not_root(public_dir):
    binary = public_dir / "backdraft"
    shutil.copy(bd.BACKDRAFT, binary)
    out = public_dir / "out"
    out.mkdir()
    os.chmod(out, 0o777)
    done = bd.run(["setpriv", "--reuid", "65534", "--regid", "65534", "--clear-groups",
                   binary, "capture", "-d", "1", "-o", out / "a.bdr"])
    fails_cleanly(out, "root|privilege|CAP_")(done)
    for verb in ("--version", "schema"):
        done = bd.run(["setpriv", "--reuid", "65534", "--regid", "65534", "--clear-groups",
                       binary, verb])
        assert done.status == 0, f"{verb} needs no root"


def in_mount_namespace(script, **options):
    return bd.run(["unshare", "--mount", "--propagation", "private", "/bin/sh", "-c", script],
                  **options)


def test_no_btf(tmp_path):
    out = tmp_path / "out"
    out.mkdir()
    (tmp_path / "empty").touch()
    done = in_mount_namespace(f"""
        mount --bind {tmp_path}/empty /sys/kernel/btf/vmlinux || exit 99
        exec {bd.BACKDRAFT} capture -d 1 -o {out}/a.bdr""")
    fails_cleanly(out, "BTF")(done)


def test_no_btf_at_all(tmp_path):
    out = tmp_path / "out"
    out.mkdir()
    done = in_mount_namespace(f"""
        mount -t tmpfs none /sys/kernel/btf || exit 99
        exec {bd.BACKDRAFT} capture -d 1 -o {out}/a.bdr""")
    fails_cleanly(out, "BTF")(done)


WRONG = [
    (("-p", "4194303", "-d", "1"), "4194303"),
    (("-p", "0", "-d", "1"), "-p|pid|process"),
    (("-p", "x", "-d", "1"), "-p|pid|process"),
    (("-p", "-1", "-d", "1"), "-p|pid|process"),
    (("-d", "0"), "-d|dur|second"),
    (("-d", "-1"), "-d|dur|second"),
    (("-d", "x"), "-d|dur|second"),
    (("-d", "1e99"), "-d|dur|second"),
    (("-d", "nan"), "-d|dur|second"),
    (("-d", ""), "-d|dur|second"),
    (("-F", "1000000", "-d", "1"), "-F|rate|Hz"),
    (("-F", "0", "-d", "1"), "-F|rate|Hz"),
    (("-F", "-5", "-d", "1"), "-F|rate|Hz"),
    (("-F", "99x", "-d", "1"), "-F|rate|Hz"),
    (("-c", "", "-d", "1"), "-c|name"),
    (("--cgroup", "/no/such/cgroup", "-d", "1"), "/no/such/cgroup"),
    (("--", "/no/such/command"), "/no/such/command"),
    (("--", "/etc/passwd"), "/etc/passwd"),
    (("--",), "command"),
    (("-d", "1", "surplus"), "surplus"),
]


@pytest.mark.parametrize("options,words", WRONG, ids=str)
def test_wrong_use(tmp_path, options, words):
    done = bd.backdraft("capture", "-o", tmp_path / "a.bdr", *options, timeout=20)
    fails_cleanly(tmp_path, words)(done)


def test_name_that_nobody_has(tmp_path):
    """An empty picture without a word looks like a program that does nothing."""
    done = bd.backdraft("capture", "-d", "1", "-c", "no-such-name", "-o", tmp_path / "a.bdr")
    assert done.status == 0 and not done.stderr
    assert done.stdout.startswith("WARNING: nothing that was asked for ran in this time; is the name")
    assert not bd.Report(tmp_path / "a.bdr").threads
    done = bd.backdraft("capture", "-d", "1", "-o", tmp_path / "a.bdr", "--", bd.prog("mixed"), "200")
    assert done.status == 0 and "WARNING" not in done.stdout


@pytest.mark.parametrize("option", ["-o", "--html"])
@pytest.mark.parametrize("path", ["/no/such/dir/a", "/proc/a", "/etc", ""])
def test_output_that_can_not_be_written(tmp_path, option, path):
    """Said before the recording, not after it: nobody waits for a report that can't be kept."""
    started = time.monotonic()
    done = bd.backdraft("capture", "-d", "5", option, path, cwd=tmp_path)
    fails_cleanly(tmp_path, path or "output|empty|name|file")(done)
    assert time.monotonic() - started < 4, "it recorded first"


@pytest.mark.parametrize("option", ["-o", "--html"])
def test_full_output(tmp_path, option):
    """A file system of 8 KB: the report doesn't fit, and no part of it is left."""
    with bd.beside(bd.prog("mixed"), "60000"):
        done = in_mount_namespace(f"""
            mount -t tmpfs -o size=8k none {tmp_path} || exit 99
            {bd.BACKDRAFT} capture -d 1 -F 997 {option} {tmp_path}/a
            status=$?
            ls -A {tmp_path}
            exit $status""")
    bd.one_error_line(done, "No space left", str(tmp_path))
    assert done.stdout.strip() == "", f"left behind: {done.stdout}"


@pytest.mark.parametrize("form", ["html", "svg", "folded", "json"])
def test_full_output_of_export(busy, tmp_path, form):
    done = in_mount_namespace(f"""
        mount -t tmpfs -o size=4k none {tmp_path} || exit 99
        {bd.BACKDRAFT} export {busy.path} -f {form} -o {tmp_path}/a
        status=$?
        ls -A {tmp_path}
        exit $status""")
    bd.one_error_line(done, "No space left")
    assert done.stdout.strip() == "", f"left behind: {done.stdout}"
    done = in_mount_namespace(f"{bd.BACKDRAFT} export {busy.path} -f {form} >/dev/full")
    bd.one_error_line(done, "No space left")


READERS = [("show",), ("export", "-f", "json"), ("export", "-f", "folded")]


def read_both(path):
    """What each reader makes of a file; memory is bounded in any case."""
    for verb, *options in READERS:
        done = bd.backdraft(verb, path, *options, timeout=30, preexec_fn=bd.bound_memory)
        assert done.rss_bytes < MEMORY_BYTES, f"{verb}: {done.rss_bytes >> 20} MB"
        yield done


@pytest.mark.parametrize("name", ["/no/such.bdr", "/etc"])
def test_report_that_is_not_there(name):
    for done in read_both(name):
        bd.one_error_line(done, name)


@pytest.mark.parametrize("name", list(bombs.SMALL))
def test_hostile_report(tmp_path, name):
    path = tmp_path / "a.bdr"
    path.write_bytes(bombs.SMALL[name])
    for done in read_both(path):
        bd.one_error_line(done, "a.bdr", status=(2,))


@pytest.mark.parametrize("name", list(bombs.HEAVY))
def test_report_that_is_valid_but_heavy(tmp_path, name):
    """Taken or refused, but within the limits of memory and time."""
    path = tmp_path / "a.bdr"
    path.write_bytes(bombs.HEAVY[name]())
    for done in read_both(path):
        assert done.status in (0, 2), done.stderr
        assert done.seconds < 15


def test_truncated_report(busy, tmp_path):
    data = busy.path.read_bytes()
    path = tmp_path / "a.bdr"
    lengths = {0, 1, 2, 9, 10, 11, len(data) - 1, len(data) - 4, len(data) - 8, len(data) - 9}
    lengths |= {len(data) * i // 40 for i in range(40)}
    for length in sorted(lengths):
        path.write_bytes(data[:length])
        bd.one_error_line(bd.backdraft("show", path), "a.bdr", status=(2,))
        done = bd.backdraft("export", path, "-f", "json")
        bd.one_error_line(done, "a.bdr", status=(2,))
        assert not done.stdout, "half a report was exported"


def test_bit_flipped_report(busy, tmp_path):
    """The checksum of gzip covers all but the ten bytes of its header. A bit may be one that says nothing
    (a copy from elsewhere of the same bytes, the padding at the end): then the report is the same."""
    data, path = busy.path.read_bytes(), tmp_path / "a.bdr"
    plain, whole = gzip.decompress(data), bd.backdraft("show", busy.path).stdout
    choose, same = random.Random(3), 0
    for _ in range(120):
        bit = choose.randrange(80, len(data) * 8)
        flipped = bytearray(data)
        flipped[bit // 8] ^= 1 << (bit % 8)
        path.write_bytes(flipped)
        done = bd.backdraft("show", path)
        if unpacked(flipped) == plain:
            same += 1
            assert done.status == 0 and done.stdout == whole
        else:
            bd.one_error_line(done, "a.bdr", status=(2,))
    assert same < 12


def unpacked(data):
    try:
        return gzip.decompress(bytes(data))
    except (OSError, EOFError, zlib.error):
        return None


def test_bit_flipped_inside_the_checksum(busy, tmp_path):
    """Flipped before it was packed: any value may be wrong, and nothing may crash."""
    data, path = bytearray(gzip.decompress(busy.path.read_bytes())), tmp_path / "a.bdr"
    choose = random.Random(5)
    for _ in range(150):
        flipped = bytearray(data)
        for _ in range(choose.choice((1, 1, 4))):
            # Most bytes are columns of samples; the structure is at the front.
            where = choose.randrange(min(len(data), choose.choice((300, 6000, len(data)))))
            flipped[where] ^= 1 << choose.randrange(8)
        path.write_bytes(gzip.compress(bytes(flipped), 1))
        done = bd.backdraft("export", path, "-f", "folded", preexec_fn=bd.bound_memory)
        assert done.status in (0, 2), f"status {done.status}: {done.stderr}"
        assert done.rss_bytes < MEMORY_BYTES
        if done.status:
            bd.one_error_line(done, "a.bdr", status=(2,))


def test_ten_gigabytes_of_strings(tmp_path):
    path = tmp_path / "a.bdr"
    path.write_bytes(bombs.strings_bomb(4_000_000_000))
    assert path.stat().st_size < 30e6
    for done in read_both(path):
        bd.one_error_line(done, "a.bdr", status=(2,))
        assert done.seconds < 10


def test_report_that_unpacks_to_ten_gigabytes(tmp_path):
    """Valid up to a field that nobody knows, whose value is as long as MessagePack allows."""
    path = tmp_path / "a.bdr"
    head = bombs.opening(3)
    for name in ("one", "two"):
        head += bombs.text(name) + b"\xdb" + struct.pack(">I", 0xFFFFFFFF)
    path.write_bytes(bombs.gzip_of(head, b"x", 10_000_000_000))
    for done in read_both(path):
        bd.one_error_line(done, "a.bdr", status=(2,))
        assert done.seconds < 10


def endless(head, filler):
    """Feeds a pipe until its reader has gone."""
    def feed(pipe):
        try:
            pipe.write(head)
            while True:
                pipe.write(filler)
        except BrokenPipeError:
            pass
        finally:
            try:
                pipe.close()
            except BrokenPipeError:
                pass
    return feed


def test_endless_report(busy):
    bomb = bombs.strings_bomb(100_000_000)
    whole = busy.path.read_bytes()
    for head, filler in ((b"", b"\0" * 65536), (bomb[:-8], bomb[40:-30]), (whole, whole),
                         (whole, b"\0" * 65536)):
        done = bd.backdraft("export", "-", "-f", "folded", stdin=endless(head, filler),
                            timeout=60, preexec_fn=bd.bound_memory)
        bd.one_error_line(done, status=(2,))
        assert done.rss_bytes < MEMORY_BYTES


def test_endless_file():
    for done in read_both("/dev/zero"):
        bd.one_error_line(done, "/dev/zero", status=(2,))


def test_report_from_a_pipe(busy):
    def feed(pipe):
        pipe.write(busy.path.read_bytes())
        pipe.close()
    done = bd.backdraft("export", "-", "-f", "folded", stdin=feed)
    assert done.status == 0, done.stderr
    assert bd.folded_lines(done.stdout) == busy.folded()


WRONG_EXPORT = [
    (("-f", "gif"), "gif"),
    (("--from", "x"), "from"),
    (("--from", "2", "--to", "1"), "from|to"),
    (("--thread", "(["), "thread|regular|\\["),
    (("--pid", "x"), "pid"),
    (("--by", "luck"), "luck"),
    (("-o", "/no/such/dir/a"), "/no/such/dir/a"),
]


@pytest.mark.parametrize("options,words", WRONG_EXPORT, ids=[" ".join(c[0]) for c in WRONG_EXPORT])
def test_wrong_use_of_export(busy, options, words):
    done = bd.backdraft("export", busy.path, *options)
    bd.one_error_line(done, words)
    assert not done.stdout


def section_headers(data):
    """(offset, size, type) of each section header of a 64-bit ELF file."""
    at, = struct.unpack_from("<Q", data, 40)
    size, count = struct.unpack_from("<HH", data, 58)
    return [(at + i * size, size, struct.unpack_from("<I", data, at + i * size + 4)[0])
            for i in range(count)]


def damage_section(kind, offset, value):
    def damage(data):
        for at, _, found in section_headers(data):
            if found == kind:
                struct.pack_into("<Q", data, at + offset, value)
    return damage


def damage_header(form, offset, value):
    return lambda data: struct.pack_into(form, data, offset, value)


def damage_everything_behind_the_code(data):
    choose = random.Random(7)
    at, = struct.unpack_from("<Q", data, 40)
    first = min(struct.unpack_from("<Q", data, header + 24)[0]
                for header, _, kind in section_headers(data) if kind == 2)
    for i in range(first, len(data)):
        data[i] = choose.randrange(256)


SYMTAB, STRTAB = 2, 3
DAMAGES = {
    "section headers beyond the end": damage_header("<Q", 40, 1 << 40),
    "section headers that overlap the header": damage_header("<Q", 40, 1),
    "65,535 section headers": damage_header("<H", 60, 0xFFFF),
    "no name table": damage_header("<H", 62, 0xFFFE),
    "symbols beyond the end": damage_section(SYMTAB, 24, 1 << 62),
    "symbols of 2^63 bytes": damage_section(SYMTAB, 32, 1 << 63),
    "symbols of 0 bytes each": damage_section(SYMTAB, 56, 0),
    "names beyond the end": damage_section(STRTAB, 24, 0xFFFFFFFFFFFF),
    "link to a section that is not there": damage_section(SYMTAB, 40, 0xFFFFFFFF),
    "noise": damage_everything_behind_the_code,
}


@pytest.mark.parametrize("name", list(DAMAGES))
def test_client_whose_elf_is_damaged(tmp_path, name):
    """It still runs. Its time is exact and its frames have at least an address."""
    binary = tmp_path / "damaged"
    data = bytearray(bd.prog("shares").read_bytes())
    DAMAGES[name](data)
    binary.write_bytes(data)
    binary.chmod(0o755)
    report = bd.capture(tmp_path / "a.bdr", "-F", "499", command=[binary, "100"])
    pid = report.output["pid"]
    for truth in report.output["threads"]:
        row = report.thread(pid, truth["tid"])
        assert bd.within(row["on_cpu_ns"], truth["cpu_ns"], 0.01, 1e6)
    names = {frame for line in report.folded("--pid", str(pid)) for frame in line[2]}
    assert any(frame.startswith(("damaged+0x", "burn_")) for frame in names), names


def test_fifo_in_place_of_the_elf(tmp_path):
    """Opening it must neither hang nor read it."""
    binary = tmp_path / "vanished"
    shutil.copy(bd.prog("shares"), binary)
    with bd.beside(binary, "60000") as process:
        time.sleep(0.2)
        binary.unlink()
        os.mkfifo(binary)
        report = bd.capture(tmp_path / "a.bdr", "-d", "1", "-F", "199", "-p", process.pid,
                            timeout=20)
    assert report.done.seconds < 8
    assert sum(thread["on_cpu_ns"] for thread in report.threads_of(process.pid)) > 0.2e9
    assert report.samples
