"""Networks: nothing is reported to the makers of what runs them."""

import os
import subprocess
import sys
from pathlib import Path

from originid.system.onnx_session import NO_TELEMETRY

RUN = """
import sys
import numpy as np
from originid.details import features
assert "onnxruntime" not in sys.modules
features.find_features(np.zeros((64, 64, 3), np.uint8))
assert "onnxruntime" in sys.modules
"""


def test_a_network_leaves_nothing_in_the_home_folder(tmp_path: Path) -> None:
    environment = {**os.environ, "HOME": str(tmp_path), "USERPROFILE": str(tmp_path)}
    environment.pop(NO_TELEMETRY, None)
    ran = subprocess.run([sys.executable, "-c", RUN], env=environment, capture_output=True)
    assert (ran.returncode, ran.stderr) == (0, b"")
    assert list(tmp_path.rglob("*")) == []
