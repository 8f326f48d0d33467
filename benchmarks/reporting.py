"""What benchmarks print besides their measurements, and how they print numbers."""

import platform
import resource
import sys
from contextlib import suppress
from importlib.metadata import PackageNotFoundError, version
from pathlib import Path

from originid.system.parallel import available_cores


def machine(*packages: str) -> str:
    """Return the processor, the usable cores, the system, and the versions of packages, as text.

    Args:
        packages: the names of the packages. Those that are not installed are left out.
    """
    parts = [
        _processor(),
        f"{available_cores()} cores",
        platform.system(),
        f"Python {platform.python_version()}",
    ]
    for package in packages:
        with suppress(PackageNotFoundError):
            parts.append(f"{package} {version(package)}")
    return ", ".join(parts)


def peak_memory() -> int:
    """Return the most bytes of memory that this process has ever occupied."""
    status = Path("/proc/self/status")
    if status.exists():  # getrusage would count what the parent held when it forked
        return int(status.read_text().split("VmHWM:")[1].split()[0]) * 1024
    unit = 1 if sys.platform == "darwin" else 1024
    return resource.getrusage(resource.RUSAGE_SELF).ru_maxrss * unit


def figure(value: float | None) -> str:
    """Return a number as text with three digits, or with all digits before the point; None is -."""
    if value is None:
        return "-"
    return f"{value:,.0f}" if value >= 100 else f"{value:.3g}"


def _processor() -> str:
    cpuinfo = Path("/proc/cpuinfo")
    lines = cpuinfo.read_text(encoding="utf-8").splitlines() if cpuinfo.exists() else []
    names = [line.split(":")[1].strip() for line in lines if line.startswith("model name")]
    return names[0] if names else platform.processor() or platform.machine()
