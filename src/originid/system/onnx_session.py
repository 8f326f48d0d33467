"""Networks that onnxruntime runs: in one thread, without reports to its makers."""

import os
from collections.abc import Sequence
from importlib import import_module
from types import ModuleType
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    import onnxruntime

CPU = "CPUExecutionProvider"
NO_TELEMETRY = "ORT_DISABLE_TELEMETRY"
"""Environment variable of onnxruntime: without it, its newer versions note each use in the home
folder and send that to Microsoft. It is read when onnxruntime is loaded."""


def open_session(data: bytes, providers: Sequence[str] = (CPU,)) -> "onnxruntime.InferenceSession":
    """Load a network, which then runs on one thread of the CPU, or on another provider.

    Args:
        data: the bytes of an ONNX file.
        providers: the parts of onnxruntime that may run it, best first.

    Raises:
        Exception: of a dozen kinds, for a bad file.
    """
    runtime = _onnxruntime()
    options = runtime.SessionOptions()
    options.intra_op_num_threads = options.inter_op_num_threads = 1
    options.log_severity_level = 4  # fatal; every fault is raised as an exception too
    session: onnxruntime.InferenceSession = runtime.InferenceSession(
        data, options, providers=list(providers)
    )
    return session


def available_providers() -> list[str]:
    """The parts of onnxruntime that are there."""
    found: list[str] = _onnxruntime().get_available_providers()
    return found


def _onnxruntime() -> ModuleType:
    """It is loaded when it is first needed: many commands run no network."""
    os.environ.setdefault(NO_TELEMETRY, "1")
    return import_module("onnxruntime")
