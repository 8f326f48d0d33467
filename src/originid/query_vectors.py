"""The vectors by which queries are searched: without their frames, unless those count.

Many pictures share a frame without being related, so that what a query is compared by is the
content of it. That loses a picture of which the content is nearly flat, such as an aeroplane in a
blue sky with a white margin: little is left of it to compare. So a query keeps its frame where a
reference is the same picture in the same frame.
"""

from collections.abc import Sequence

import numpy as np
from numpy.typing import NDArray

from originid.collection.collection import Collection
from originid.latents.encode_files import Encoded
from originid.model import Model
from originid.system.parallel import one_blas_thread
from originid.types import Floats32, Floats64, Latents, Mask, Vectors
from originid.verdict.margins import content_cells, framed, with_unknown

# The cosine that the contents of a query and a reference must have for them to be the same picture.
# Different photos in a frame of one kind reach 0.35 (`benchmarks/saved_again.py`).
SAME_CONTENT = 0.75
LEAST_CONTENT = 0.01  # of the square of a vector's length; of less no cosine can be told


def query_vectors(model: Model, queries: Sequence[Encoded]) -> Vectors:
    """The vectors (q, dim) of queries, without what framed pictures share: their frames.

    Args:
        model: of the collection.
        queries: the encoded queries, at least one.
    """
    # With more threads the product of one query takes 2 to 10 times as long on a busy machine.
    with one_blas_thread():
        return model.vectors(without_frames(model, queries)[0])


def vectors_in(collection: Collection, queries: Sequence[Encoded]) -> Vectors:
    """The vectors (q, dim) of queries, as `query_vectors`, but with the frames that count.

    These are those of files that the collection holds, and of pictures that it holds in the same
    frame, saved again.

    Args:
        collection: what is searched.
        queries: the encoded queries, at least one.
    """
    model = collection.model
    without, rows = without_frames(model, queries)
    some = [queries[row] for row in rows.tolist()]
    with one_blas_thread():
        vectors = model.vectors(without)
        if not some:
            return vectors
        latents = np.stack([query.latent for query in some])
        whole, shares = model.vectors(latents), content_shares(model, without[rows], latents)
    stored = collection.database.contents([query.sha256 for query in some])
    nearest = collection.index().search(whole, 1)[0][:, 0]
    keeps = np.array([query.sha256 in stored for query in some]) | same_content(nearest, shares)
    vectors[rows[keeps]] = whole[keeps]
    return vectors


def content_shares(model: Model, content: Latents, whole: Latents) -> Floats64:
    """The shares (n,) of the contents of framed pictures in the squares of their vectors' lengths.

    Args:
        model: of the collection.
        content: the latents of the pictures as `without_frames` gives them.
        whole: their latents as they are.
    """
    lengths = [np.linalg.norm(model.map.apply(each), axis=1) for each in (content, whole)]
    return np.asarray((lengths[0] / lengths[1]) ** 2, np.float64)


def same_content(cosines: Floats32, shares: Floats64) -> Mask:
    """Whether two pictures have the same content, if their frames are the same.

    A vector is the sum of what the frame gives to it and what the content gives. Where the frames
    are the same, all that is missing to a cosine of 1 is missing to the contents: ``1 - cosine`` is
    ``share (1 - cosine of the contents)``.

    Args:
        cosines: of the pictures with their frames, (n,).
        shares: of the content in the square of the length of one of the vectors, (n,).
    """
    missing = 1 - cosines.astype(np.float64)
    return np.asarray((shares >= LEAST_CONTENT) & (missing <= (1 - SAME_CONTENT) * shares))


def without_frames(model: Model, queries: Sequence[Encoded]) -> tuple[Latents, NDArray[np.intp]]:
    """The latents of queries without their frames, and the rows of those that have one.

    Args:
        model: of the collection.
        queries: the encoded queries, at least one.
    """
    latents = np.stack([query.latent for query in queries])
    thumbnails = np.stack([query.thumbnail for query in queries])
    mean, rows = model.natural_mean, np.flatnonzero(framed(thumbnails))
    if mean is None:  # then nothing is known that could stand for a frame
        return latents, rows[:0]
    if len(rows):
        known = np.stack([content_cells(image) for image in thumbnails[rows]])
        latents[rows] = with_unknown(latents[rows], mean, known)
    return latents, rows
