"""Every file of the corpus ends as it should, within 20 seconds and 1.5 GB."""

import os
import subprocess
import sys
from pathlib import Path

import pytest

from hostile_image_files import IMAGE, corpus

CORPUS = corpus()
SECONDS = 20.0
MEMORY = 1_500_000_000
PROGRAM = """
import sys
sys.path[:] = {path!r}
from originid.errors import ImageError
from originid.images.decode import decode
try:
    import resource
    resource.setrlimit(resource.RLIMIT_AS, 2 * ({memory} + 600_000_000,))
except ImportError:
    pass
try:
    decode(open({file!r}, "rb").read(), 64)
except ImageError as error:
    print(error.reason)
else:
    print({image!r})
"""


@pytest.mark.parametrize("name", CORPUS)
def test_a_hostile_file_costs_little(name: str, tmp_path: Path) -> None:
    file = tmp_path / "hostile"
    file.write_bytes(CORPUS[name].make())
    program = PROGRAM.format(path=sys.path, file=str(file), memory=MEMORY, image=IMAGE)
    done = subprocess.run(
        [sys.executable, "-c", program],
        capture_output=True,
        text=True,
        timeout=SECONDS,
        env=os.environ | {"OPENBLAS_NUM_THREADS": "1", "OMP_NUM_THREADS": "1"},
    )
    assert CORPUS[name].outcome in done.stdout, f"{done.stdout}{done.stderr[-500:]}"
    assert (done.stdout.strip() == IMAGE) is (CORPUS[name].outcome == IMAGE)
