"""A server that is killed while pictures are added: nothing acknowledged is lost or doubled."""

from pathlib import Path

import pytest

from engine_crash import crash
from fixture_types import Run
from originid.testing import write_photos
from postgres_server import PostgresServer


@pytest.fixture(autouse=True)
def impatient(monkeypatch: pytest.MonkeyPatch) -> None:
    """A server that was killed comes back when a test starts it, and not while somebody waits."""
    monkeypatch.setattr("originid.collection.engines.postgres.connections.WAITS", (0.01,))


def test_a_server_is_killed_again_and_again(postgres: PostgresServer, tmp_path: Path) -> None:
    counts = crash(postgres, postgres.url("crash"), 3, 7, tmp_path / "photos")
    assert counts["acknowledged"] > 0
    assert (counts["lost"], counts["doubled"], counts["problems"]) == (0, 0, 0)


def test_a_server_that_is_not_there_is_an_error_in_three_lines(
    postgres: PostgresServer, run: Run, tmp_path: Path
) -> None:
    photos = write_photos(tmp_path / "photos", 6)
    place = postgres.url("gone")
    assert run("index", photos[0], "--into", place)[0] == 0
    postgres.kill()
    try:
        status, _, told = run("index", tmp_path / "photos", "--into", place)
        assert status != 0
        assert "does not answer" in told
        assert "Traceback" not in told
    finally:
        postgres.start()
    status, out, _ = run("index", tmp_path / "photos", "--into", place)
    assert (status, "5 added, 1 unchanged" in out) == (0, True)
