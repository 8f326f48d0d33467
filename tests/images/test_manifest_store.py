"""Finding the manifest store in a file: the very bytes that the signer wrote."""

import io

import pytest
from hypothesis import given, strategies
from PIL import Image as Pillow

from originid.images.manifest_store import MOST_BYTES, STORE, active_part, manifest_store
from originid.testing import textured_image

pytest.importorskip("c2pa", reason="the extra [c2pa] is not installed")

import c2pa

from originid.images.carried_manifest import NO_MANIFEST, read_manifest
from signed_pictures import generated, picture, signed

LABEL = "urn:c2pa:00000000-0000-4000-8000-000000000001"
FORMATS = ("jpeg", "png", "webp", "tiff", "avif")


def plain(kind: str) -> bytes:
    file = io.BytesIO()
    Pillow.fromarray(textured_image(3, 96, 64)).save(file, kind)
    return file.getvalue()


@pytest.fixture(scope="module")
def photo() -> bytes:
    return signed(generated("x"), label=LABEL)


@pytest.mark.parametrize("kind", FORMATS)
def test_the_store_that_the_library_reads_is_found(kind: str) -> None:
    data = signed(generated("x"), data=plain(kind), kind=kind, label=LABEL)
    store = manifest_store(data)
    assert store is not None
    assert int.from_bytes(store[:4], "big") == len(store)
    alone = c2pa.Reader("application/c2pa", io.BytesIO(store))
    assert LABEL in alone.json()
    carried = read_manifest(data)
    assert carried.manifest is not None
    assert (carried.manifest.label, carried.manifest.store) == (LABEL, store)
    assert carried.note == ""


def test_a_store_that_is_spread_over_segments_of_a_jpeg_is_put_together() -> None:
    long = generated("x")
    long["assertions"].append({"label": "org.example.long", "data": {"text": "ä" * 100_000}})
    data = signed(long, label=LABEL)
    assert data.count(b"\xff\xeb") >= 4
    store = manifest_store(data)
    assert store is not None
    assert len(store) > 200_000
    assert read_manifest(data).manifest is not None


def test_a_file_without_credentials_has_none() -> None:
    for data in (picture(), b"", STORE, b"\xff\xd8" + STORE, b"c2pa"):
        assert manifest_store(data) is None
        assert read_manifest(data).manifest is None
    assert read_manifest(picture()) == NO_MANIFEST


def test_a_store_that_is_too_large_stays_in_the_file() -> None:
    long = generated("x")
    long["assertions"].append({"label": "org.example.long", "data": {"text": "a" * MOST_BYTES}})
    data = signed(long)
    assert manifest_store(data) is None
    carried = read_manifest(data)
    assert carried.manifest is None
    assert "more than 1,000,000 bytes" in carried.note


def test_credentials_of_another_picture_are_not_kept(photo: bytes) -> None:
    other = bytearray(photo)
    other[-20] ^= 5
    carried = read_manifest(bytes(other))
    assert carried.manifest is None
    assert carried.note.endswith("their signature does not fit the file")


def test_a_second_store_in_front_does_not_take_the_place_of_the_checked_one(photo: bytes) -> None:
    """Of a file with two stores, the one that we find must be the one that the library checked."""
    png = signed(generated("x"), data=plain("png"), kind="png", label=LABEL)
    foreign = manifest_store(photo)
    assert foreign is not None
    carried = read_manifest(png[:33] + foreign + png[33:])
    assert carried.manifest is None or carried.manifest.store == manifest_store(png)
    # Behind the file's end it changes nothing that the library reads.
    behind = read_manifest(png + foreign)
    assert behind.manifest is None or behind.manifest.store == manifest_store(png)


def test_the_active_part_of_a_store_is_its_last_manifest(photo: bytes) -> None:
    store = manifest_store(photo)
    assert store is not None
    manifest = store[8 + int.from_bytes(store[8:12], "big") :]
    two = store[8:] + manifest
    two = (len(two) + 8).to_bytes(4, "big") + b"jumb" + two
    assert active_part(two) == store
    assert active_part(store) == store
    assert active_part(store[:-1]) is None
    assert active_part(b"") is None


@given(at=strategies.integers(20, 400), value=strategies.binary(min_size=1, max_size=8))
def test_hostile_sizes_raise_nothing_and_give_no_more_than_the_file(
    photo: bytes, at: int, value: bytes
) -> None:
    changed = photo[:at] + value + photo[at + len(value) :]
    store = manifest_store(changed)
    assert store is None or len(store) <= len(changed)
    if store is not None:
        part = active_part(store)
        assert part is None or len(part) <= len(store)
