"""The vectors by which queries are searched: what frames add counts only where it is shared."""

import hashlib
from collections.abc import Iterator
from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from PIL import Image as Pillow

from originid.answering import answers
from originid.collection.adding import store_images
from originid.collection.collection import Collection, create_collection
from originid.images.lossless import lossless_file
from originid.latents.encode_files import Encoded, encode_sources
from originid.latents.sources import Source
from originid.model import Model, open_model
from originid.query_vectors import SAME_CONTENT, query_vectors, same_content, vectors_in
from originid.testing import textured_image
from originid.types import Image, Verdict
from originid.verdict.margins import content_cells, framed


def encoded(model: Model, *images: Image) -> list[Encoded]:
    sources = [Source(f"query {n}", lossless_file(image)) for n, image in enumerate(images)]
    chunks = encode_sources(iter(sources), model.encoder)
    return [entry for chunk in chunks for entry in chunk if isinstance(entry, Encoded)]


def framed_image(seed: int) -> Image:
    page = np.full((256, 256, 3), 250, np.uint8)
    # Bars take less than 45 % of a column, from which on it would tell nothing.
    noise = np.random.default_rng(seed).integers(0, 180, (20, 32, 3))
    page[48:208] = noise.repeat(8, axis=0).repeat(8, axis=1)
    return page


def sky(seed: int) -> Image:
    """A small thing in a blue sky, with a white margin: nearly all of the content is flat."""
    page = np.full((256, 256, 3), 255, np.uint8)
    page[8:-8, 8:-8] = (70, 120, 200)
    top, left = np.random.default_rng(seed).integers(30, 180, 2)
    page[top : top + 24, left : left + 40] = (20, 30, 40)
    return page


def test_only_framed_queries_lose_what_frames_show(model: Model) -> None:
    queries = encoded(model, textured_image(1), framed_image(2), textured_image(3))
    latents = np.stack([query.latent for query in queries])
    before = latents.copy()
    found = query_vectors(model, queries)
    np.testing.assert_array_equal(np.stack([query.latent for query in queries]), before)
    known = content_cells(queries[1].thumbnail)
    assert 0 < known.sum() < known.size
    mean = model.natural_mean
    assert mean is not None
    changed, natural = latents[1].reshape(-1, 32, 32).copy(), mean.reshape(-1, 32, 32)
    for row in range(32):
        for column in range(32):
            if not known[row, column]:
                changed[:, row, column] = natural[:, row, column]
    expected = model.vectors(np.stack([latents[0], changed.reshape(-1), latents[2]]))
    np.testing.assert_allclose(found, expected, atol=1e-6)
    assert abs(found[1] - model.vectors(latents[1:2])[0]).max() > 1e-3  # it does change something


def test_a_vector_does_not_depend_on_the_other_queries(model: Model) -> None:
    queries = encoded(model, textured_image(1), framed_image(2), textured_image(3), framed_image(4))
    together = query_vectors(model, queries)
    for query, vector in zip(queries, together, strict=True):
        np.testing.assert_allclose(query_vectors(model, [query])[0], vector, atol=1e-6)


# Frames that count


@pytest.fixture(scope="module")
def collection(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Collection]:
    """Pictures in a frame, of the packaged model."""
    folder = tmp_path_factory.mktemp("frames")
    for name, image in (("noise", framed_image(2)), ("sky", sky(1))):
        Pillow.fromarray(image).save(folder / f"{name}.png")
    with create_collection(folder / "c", open_model()) as made:
        store_images(made, [folder])
        yield made


def as_it_is(collection: Collection, query: Encoded) -> bool:
    """Whether a query is compared with its frame."""
    whole = collection.model.vectors(query.latent[np.newaxis])
    return bool(np.allclose(vectors_in(collection, [query]), whole, atol=1e-6))


@pytest.mark.parametrize(("name", "image"), [("noise", framed_image(2)), ("sky", sky(1))])
def test_a_picture_that_is_saved_again_is_compared_with_its_frame(
    name: str, image: Image, collection: Collection
) -> None:
    darker = (0.97 * image).astype(np.uint8)
    for query in encoded(collection.model, image, darker):
        assert framed(query.thumbnail[np.newaxis])[0]
        assert as_it_is(collection, query)
        (answer,) = answers(collection, [query], 1, 0.001)
        assert (answer.verdict, answer.reason) == (
            Verdict.ORIGIN,
            "the same picture, saved again",
        )
        assert Path(answer.matches[0].reference).stem == name


def test_another_picture_in_the_same_frame_is_compared_without_it(collection: Collection) -> None:
    queries = encoded(collection.model, framed_image(5), sky(9))
    assert not any(as_it_is(collection, query) for query in queries)
    np.testing.assert_allclose(
        vectors_in(collection, queries), query_vectors(collection.model, queries), atol=1e-6
    )


def test_a_stored_file_is_compared_with_its_frame(collection: Collection, tmp_path: Path) -> None:
    path = tmp_path / "framed.png"
    Pillow.fromarray(framed_image(2)).save(path)
    content = hashlib.sha256(path.read_bytes()).digest()
    (query,) = encoded(collection.model, framed_image(2))
    (stored,) = answers(collection, [replace(query, sha256=content)], 1, 0.01)
    assert stored.matches[0].score == pytest.approx(1, abs=1e-3)
    assert stored.reason == "the same file"


def test_an_empty_collection_has_no_frame(model: Model, tmp_path: Path) -> None:
    queries = encoded(model, framed_image(2))
    with create_collection(tmp_path / "empty", model) as empty:
        np.testing.assert_array_equal(vectors_in(empty, queries), query_vectors(model, queries))


@given(st.integers(0, 2**32 - 1), st.floats(0.02, 1.5), st.floats(-1, 1))
def test_what_is_missing_to_one_is_missing_to_the_contents(
    seed: int, content: float, cosine: float
) -> None:
    """A vector is made of a frame and of content of a length, and another has such a cosine."""
    axes = np.linalg.qr(np.random.default_rng(seed).normal(size=(8, 3)))[0].T
    frame, one, across = axes
    other = cosine * one + np.sqrt(1 - cosine**2) * across
    first, second = frame + content * one, frame + content * other
    length = np.linalg.norm(first)
    told = same_content(
        np.array([first @ second / length**2], np.float32),
        np.array([content**2 / length**2]),
    )
    if content**2 / length**2 >= 0.011 and abs(cosine - SAME_CONTENT) > 1e-3:
        assert told[0] == (cosine > SAME_CONTENT)


def test_of_hardly_any_content_nothing_is_told() -> None:
    assert same_content(np.ones(2, np.float32), np.array([0.0, 0.009])).tolist() == [False, False]
