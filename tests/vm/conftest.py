# SPDX-License-Identifier: BSD-2-Clause
"""The kernels that tests boot; a test that takes `kernel` runs once for each."""

import pytest

import kernels


@pytest.fixture(scope="session", params=list(kernels.RELEASES))
def kernel(request):
    try:
        return kernels.get(request.param)
    except kernels.Unavailable as why:
        pytest.skip(f"Linux {request.param}: {why}")
