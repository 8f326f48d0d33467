"""Latents that a cluster encodes: the cache is the one that a single process fills."""

import importlib.util
from collections.abc import Callable, Iterable, Iterator
from pathlib import Path

import numpy as np
import pytest

from originid.collection.encoding import Wanted, encode_pieces
from originid.encoders import open_encoder
from originid.inputs.pieces import PIECE, Piece
from originid.latents import LatentCache, encode_paths
from originid.latents.cache_keys import Keys
from originid.latents.encode_files import Encoded
from originid.types import Failure

if not importlib.util.find_spec("ray"):
    pytest.skip("needs the extra [ray]", allow_module_level=True)

from originid.scale import latents
from originid.scale.latents import fill_cache
from originid.scale.packed import Packed
from originid.scale.worker import Part


def unexpected(failure: Failure) -> None:
    pytest.fail(f"{failure}")


def test_a_cache_is_filled_with_what_it_lacks(
    tmp_path: Path, write_photos: Callable[..., list[Path]], monkeypatch: pytest.MonkeyPatch
) -> None:
    encoded: list[int] = []

    def here(
        pieces: Iterable[Piece], packed: Packed, wanted: Wanted, known: Keys, report: object
    ) -> Iterator[Part]:
        """Stands for a cluster."""
        for number, piece in enumerate(pieces):
            chunks = encode_pieces(
                [piece],
                packed.open(),
                wanted,
                lambda sha256: known.find(sha256) is not None,
                unexpected,
            )
            for place, chunk in enumerate(chunks):
                encoded.append(sum(isinstance(each, Encoded) for each in chunk))
                yield Part(number, place, False, "machine", tuple(chunk))

    monkeypatch.setattr(latents, "parts_on_ray", here)
    encoder = open_encoder("pixels")
    photos = write_photos(PIECE + 6)
    broken = tmp_path / "broken.png"
    broken.write_bytes(b"no picture")
    paths = [*photos, broken, photos[0]]  # the last content comes twice
    cache = LatentCache.open(tmp_path / "latents", encoder)
    told: list[tuple[int, int]] = []
    fill_cache(cache, paths[:10], encoder)
    fill_cache(cache, paths, encoder, lambda done, total: told.append((done, total)))
    assert told[-1] == (len(paths), len(paths))
    assert sum(encoded) == len(photos)  # each content once, also over both runs
    assert len(cache) == len(photos)
    failures: list[str] = []
    once = encode_paths(paths, encoder, lambda failure: failures.append(failure.path))
    for entry in (each for chunk in once for each in chunk):
        stored = cache.take(np.array([cache.index(entry.sha256)], np.int64))[0]
        assert np.array_equal(stored, entry.latent)
    assert failures == [str(broken)]
