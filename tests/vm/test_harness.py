# SPDX-License-Identifier: BSD-2-Clause
"""The harness itself: what comes back from the guest is what was there."""

import hashlib

import pytest

import kernels
import vm

# One is enough: what the guest's kernel says is other tests' matter.
pytestmark = pytest.mark.parametrize("kernel", list(kernels.RELEASES)[-1:], indirect=True)


def test_commands_and_files(kernel):
    done = vm.run(
        kernel,
        [
            "uname -r; false",
            "echo out; echo err >&2; exit 3",
            "cat /in/text; ls -l /sys/kernel/btf/vmlinux",
            "head -c 200000 /dev/urandom >/tmp/blob; md5sum /tmp/blob",
            "printf '@done\\n@end\\n'",
        ],
        files={"in/text": b"hand it over\n"},
        fetch=["/tmp/blob", "/tmp/missing"],
    )
    assert done.results[0].stdout.decode().strip() == kernel.release
    assert [result.status for result in done.results] == [1, 3, 0, 0, 0]
    assert (done.results[1].stdout, done.results[1].stderr) == (b"out\n", b"err\n")
    assert b"hand it over" in done.results[2].stdout
    assert done.results[4].stdout == b"@done\n@end\n"
    assert set(done.files) == {"/tmp/blob"}
    blob = hashlib.md5(done.files["/tmp/blob"]).hexdigest()
    assert done.results[3].stdout.split()[0].decode() == blob


def test_a_guest_that_dies_is_an_error(kernel):
    with pytest.raises(vm.VmError, match="after 1 of 2 commands"):
        vm.run(kernel, ["true", "echo c >/proc/sysrq-trigger; sleep 60"], timeout_s=60)
