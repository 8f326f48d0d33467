"""What a machine keeps of a collection on a server, where several processes fetch it at once."""

from collections.abc import Iterator
from pathlib import Path

import pytest

from originid.collection.engines.client_files import model_folder
from originid.errors import StorageError
from originid.system.server_url import ServerUrl

PLACE, FINGERPRINT = ServerUrl("postgresql://host/db"), "ab" * 16


def test_a_model_that_another_process_fetched_meanwhile_is_used() -> None:
    calls: list[Path] = []

    def fetch() -> Iterator[tuple[str, bytes]]:
        if not calls:  # the other process is quicker
            calls.append(Path())
            calls[0] = model_folder(PLACE, FINGERPRINT, fetch)
        yield "model.json", b"{}"

    folder = model_folder(PLACE, FINGERPRINT, fetch)
    assert folder == calls[0]
    assert [path.name for path in folder.iterdir()] == ["model.json"]


def test_a_model_that_cannot_be_kept_is_an_error(monkeypatch: pytest.MonkeyPatch) -> None:
    def refused(path: Path, flags: int) -> None:
        raise OSError(28, "No space left on device")

    monkeypatch.setattr("pathlib.Path.write_bytes", refused)
    with pytest.raises(StorageError):
        model_folder(PLACE, FINGERPRINT, lambda: [("model.json", b"{}")])
