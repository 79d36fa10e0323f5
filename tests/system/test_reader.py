# SPDX-License-Identifier: BSD-2-Clause
"""The reader with its real child, as root: each test of reader_driver.c is a test here."""

import subprocess

import pytest

TESTS = """names_this_program image_in_memory stripped_program replaced_program
    debug_file_by_link debug_file_by_build_id other_root
    not_regular_files damaged_programs perf_maps killed_child hanging_child many_addresses
    many_files has_nothing_to_lose dies_with_the_tool forbidden_calls
    logs_with_the_clients_rights logs_as_root logs_below_the_clients_root
    logs_of_a_child_that_fails logs_rights_as_text""".split()


@pytest.fixture(scope="module")
def driver(build_dir):
    return build_dir / "tests/system/reader_driver"


def test_all_are_listed(driver):
    listed = subprocess.run([driver, "--list"], capture_output=True, text=True, check=True)
    assert listed.stdout.split() == TESTS


@pytest.mark.parametrize("name", TESTS)
def test_reader(driver, name):
    done = subprocess.run([driver, name], capture_output=True, text=True, timeout=60,
                          env={"PATH": "/usr/bin:/bin:/usr/sbin:/sbin",
                               "CMOCKA_MESSAGE_OUTPUT": "TAP"})
    assert done.returncode == 0 and "\nok 1 " in done.stdout, done.stdout + done.stderr
