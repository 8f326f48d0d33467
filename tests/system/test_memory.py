"""Memory that a process keeps."""

import platform
import subprocess
import sys

import pytest

from originid.system.malloc import keep_freed_memory

AGAIN = """\
import resource
import numpy as np
from originid.system.malloc import keep_freed_memory

{}
def faults_of_32_MiB():
    before = resource.getrusage(resource.RUSAGE_SELF).ru_minflt
    np.ones(32 << 20, np.uint8)
    return resource.getrusage(resource.RUSAGE_SELF).ru_minflt - before
faults_of_32_MiB()
print(faults_of_32_MiB())
"""
PAGES = (32 << 20) // 4096


@pytest.mark.skipif(platform.libc_ver()[0] != "glibc", reason="glibc's allocator is told")
def test_freed_memory_is_had_again_without_a_page_fault() -> None:
    kept = AGAIN.format('keep_freed_memory("cpu")')
    faults = int(subprocess.check_output([sys.executable, "-c", kept]))
    assert faults < PAGES / 100


@pytest.mark.parametrize("missing", [OSError, TypeError, AttributeError])
def test_another_c_library_is_left_alone(
    missing: type[Exception], monkeypatch: pytest.MonkeyPatch
) -> None:
    def no_library(name: None) -> None:
        raise missing

    monkeypatch.setattr("ctypes.CDLL", no_library)
    keep_freed_memory("cpu")
