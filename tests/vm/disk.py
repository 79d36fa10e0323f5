# SPDX-License-Identifier: BSD-2-Clause
"""A disk that forgets at a power cut what it was not told to flush: an NBD server that qemu connects to.

Killing qemu alone drops the guest's page cache only: what the guest has written to its disk is in the
host's files by then, flushed or not, whatever qemu's cache mode. A real disk has a volatile cache of its
own. This one keeps what each block was at the last flush, and gives a random part of the blocks that
were written since their old content back when the power is cut: all of them, or some, as a disk that
writes in an order of its own does. The guest is told that the disk has a write cache (write-cache=on,
which is cache=writeback), so that its fsync becomes a flush; there is no other one in between.

The protocol is NBD's (https://github.com/NetworkBlockDevice/nbd/blob/master/doc/proto.md), as much of it
as qemu uses.
"""

import os
import socket
import struct
import threading
import time

BLOCK = 4096
# As long as a good disk takes. Until it is over, what was to be flushed may still be lost.
FLUSH_S = 0.004
OPTION_ABORT, OPTION_GO = 2, 7
REPLY_ACK, REPLY_INFO, REPLY_UNSUPPORTED = 1, 3, 2 ** 31 + 1
HAS_FLAGS, SEND_FLUSH = 1, 4
READ, WRITE, DISCONNECT, FLUSH = range(4)


class Disk:
    """`path` is the image, as it would be found after a power cut once cut() has returned."""

    def __init__(self, path, address):
        self.fd = os.open(path, os.O_RDWR)
        self.size = os.fstat(self.fd).st_size
        self.before = {}  # of each block that was written since the last flush: what it was then
        self.flushes = self.writes = self.forgotten = 0
        self.address = str(address)
        self.listener = socket.socket(socket.AF_UNIX)
        self.listener.bind(self.address)
        self.listener.listen()
        self.thread, self.powered = None, False

    def plug(self):
        """Serves the one connection that comes, in a thread, until it ends."""
        self.powered = True
        self.thread = threading.Thread(target=self._serve)
        self.thread.start()

    def qemu(self):
        """The words for qemu's command line."""
        return ["-blockdev", f"driver=nbd,node-name=disk,server.type=unix,server.path={self.address}",
                "-device", "virtio-blk-pci,drive=disk,write-cache=on"]

    def cut(self, guest, random, share):
        """Kills qemu, and that share of the blocks that were not flushed is as it was before."""
        self.powered = False
        guest.kill()
        guest.wait()
        self.thread.join()
        for block, old in self.before.items():
            if random.random() < share:
                os.pwrite(self.fd, old, block)
                self.forgotten += 1
        self.before.clear()

    def close(self):
        self.listener.close()
        os.close(self.fd)

    def _serve(self):
        connection, _ = self.listener.accept()
        with connection, connection.makefile("rb") as stream:
            try:
                self._negotiate(connection, stream)
                while self._request(connection, stream):
                    pass
            except (OSError, struct.error):
                pass  # the guest was killed

    def _negotiate(self, connection, stream):
        connection.sendall(struct.pack(">QQH", 0x4e42444d41474943, 0x49484156454f5054, 3))
        stream.read(4)
        option = 0
        while option != OPTION_GO:
            _, option, size = struct.unpack(">QII", stream.read(16))
            stream.read(size)
            replies = [(REPLY_UNSUPPORTED, b"")]
            if option == OPTION_GO:
                export = struct.pack(">HQH", 0, self.size, HAS_FLAGS | SEND_FLUSH)
                replies = [(REPLY_INFO, export), (REPLY_ACK, b"")]
            for kind, data in replies:
                connection.sendall(struct.pack(">QIII", 0x3e889045565a9, option, kind, len(data)) + data)
            if option == OPTION_ABORT:
                raise OSError("qemu doesn't want it")

    def _request(self, connection, stream):
        _, _, kind, handle, at, size = struct.unpack(">IHHQQI", stream.read(28))
        data = b""
        if kind == READ:
            data = os.pread(self.fd, size, at)
        elif kind == WRITE:
            written = stream.read(size)
            if len(written) < size:
                return False
            self._write(at, written)
        elif kind == FLUSH:
            time.sleep(FLUSH_S)
            if not self.powered:
                return False
            self.before.clear()
            self.flushes += 1
        elif kind == DISCONNECT:
            return False
        connection.sendall(struct.pack(">IIQ", 0x67446698, 0, handle) + data)
        return True

    def _write(self, at, data):
        for block in range(at - at % BLOCK, at + len(data), BLOCK):
            if block not in self.before:
                self.before[block] = os.pread(self.fd, BLOCK, block)
        os.pwrite(self.fd, data, at)
        self.writes += 1
