"""What a service has acknowledged survives its being killed: a short run of the benchmark."""

from pathlib import Path

import pytest

pytest.importorskip("uvicorn", reason="needs the extra [serve]")
pytest.importorskip("httpx", reason="needs the extra [client]")

import service_crash


def test_nothing_acknowledged_is_lost(tmp_path: Path) -> None:
    found = service_crash.run(2, 3, tmp_path)
    assert found["acknowledged"] > 0
    assert {name: found[name] for name in ("lost", "doubled", "strange", "problems")} == {
        "lost": 0,
        "doubled": 0,
        "strange": 0,
        "problems": 0,
    }
    assert found["references"] == found["files"] == found["acknowledged"]
