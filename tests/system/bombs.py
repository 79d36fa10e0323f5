# SPDX-License-Identifier: BSD-2-Clause
"""Report files made to hurt: gzip and MessagePack that claim, or unpack to, far more."""

import struct
import zlib

CHUNK = 10_000_000


def matrix_times(matrix, vector):
    total = 0
    for row in matrix:
        if vector & 1:
            total ^= row
        vector >>= 1
    return total


def crc_combine(crc1, crc2, length2):
    """The CRC-32 of two strings one after the other, from theirs (as zlib's crc32_combine)."""
    matrix = [0xEDB88320] + [1 << n for n in range(31)]  # one zero bit
    for _ in range(3):
        matrix = [matrix_times(matrix, row) for row in matrix]  # to one zero byte
    while length2:
        if length2 & 1:
            crc1 = matrix_times(matrix, crc1)
        matrix = [matrix_times(matrix, row) for row in matrix]
        length2 >>= 1
    return crc1 ^ crc2


def gzip_of(head, filler, total):
    """A valid gzip member of `head` and then `filler`, one byte, up to about `total` bytes."""
    packer = zlib.compressobj(9, zlib.DEFLATED, -15)
    start = packer.compress(head) + packer.flush(zlib.Z_FULL_FLUSH)
    chunk = filler * CHUNK
    packed = packer.compress(chunk) + packer.flush(zlib.Z_FULL_FLUSH)
    repeats = total // CHUNK
    crc, chunk_crc = zlib.crc32(head), zlib.crc32(chunk)
    for _ in range(repeats):
        crc = crc_combine(crc, chunk_crc, CHUNK)
    size = (len(head) + repeats * CHUNK) & 0xFFFFFFFF
    return (b"\x1f\x8b\x08\0\0\0\0\0\x02\x03" + start + packed * repeats + packer.flush() +
            struct.pack("<II", crc, size))


def text(value):
    return bytes([0xA0 + len(value)]) + value.encode()


def opening(fields):
    """The map that every report begins with, and the key of what comes now."""
    return bytes([0x80 + fields]) + text("schema") + text("backdraft.report/1")


def strings_bomb(total):
    """A report whose table of strings is `total` empty strings."""
    return gzip_of(opening(2) + text("strings") + b"\xdd" + struct.pack(">I", total), b"\xa0",
                   total)


def gzip_small(data):
    packer = zlib.compressobj(9, zlib.DEFLATED, 31)
    return packer.compress(data) + packer.flush()


SMALL = {
    "empty file": b"",
    "empty gzip": gzip_small(b""),
    "not gzip": b"PK\x03\x04" * 100,
    "not a map": gzip_small(b"\x93\x01\x02\x03"),
    "another schema": gzip_small(b"\x81" + text("schema") + text("other.report/1")),
    "string of 4 GB": gzip_small(opening(2) + text("created") + b"\xdb\xff\xff\xff\xff" + b"x"),
    "array of 4 billion": gzip_small(opening(2) + text("strings") + b"\xdd\xff\xff\xff\xff"),
    "map of 4 billion": gzip_small(b"\xdf\xff\xff\xff\xff" + opening(1)[1:]),
    "a million arrays deep": gzip_small(opening(2) + text("extra") + b"\x91" * 1_000_000 + b"\x01"),
    "a million maps deep": gzip_small(opening(2) + text("extra") + b"\x81\x01" * 1_000_000),
    "columns of different length": gzip_small(
        opening(2) + text("stacks") + b"\x82" + text("parent") + b"\x92\xff\x00" +
        text("frame") + b"\x91\x00"),
    "parent that is its own child": gzip_small(
        opening(3) + text("frames") + b"\x81" + text("name") + b"\x91\x00" +
        text("stacks") + b"\x82" + text("parent") + b"\x92\x01\x00" +
        text("frame") + b"\x92\x00\x00"),
    "frame that is not there": gzip_small(
        opening(2) + text("stacks") + b"\x82" + text("parent") + b"\x91\xff" +
        text("frame") + b"\x91\xcd\x27\x0f"),
    "text that is not there": gzip_small(
        opening(2) + text("frames") + b"\x81" + text("name") + b"\x91\xcd\x27\x0f"),
}

COLUMNS = ("t_ns", "thread", "weight_ns", "cpu")
HEAVY = {
    "10 million empty strings": lambda: strings_bomb(CHUNK),
    "16 million rows": lambda: gzip_small(
        opening(2) + text("samples") + b"\x84" +
        b"".join(text(name) + b"\xdd" + struct.pack(">I", 16_000_000) + bytes(16_000_000)
                 for name in COLUMNS)),
}
