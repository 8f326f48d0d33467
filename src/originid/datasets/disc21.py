"""DISC21, the data set of the Image Similarity Challenge 2021."""

import os
from collections.abc import Iterator, Sequence
from pathlib import Path

from originid.datasets.base import Dataset, make_pair, read_text, require
from originid.errors import InputError
from originid.types import Pair

TRUTHS = ("final_ground_truth.csv", "dev_ground_truth.csv", "public_ground_truth.csv")
_SITE = "https://sites.google.com/view/isc2021/dataset, 350 GB"


def read_disc21(folder: Path) -> Dataset:
    """Read the queries of DISC21 that have an origin, and its references.

    The files ``*_ground_truth.csv`` have one row for each query, ``query_id,reference_id``. The
    second cell is empty if the query has no origin, and the header is optional
    (facebookresearch/isc2021, ``isc/io.py``). Those of `TRUTHS` that exist are read in this order;
    if a query is in several of them, its first row counts.

    The images are named by their ids. Their folders may be those of the challenge's tutorial:
    ``references`` and ``queries``, also inside ``images``. Or they may be those of the unpacked
    archives, as a mirror lists them: ``references_0/images/references`` to ``references_19/...``,
    ``dev_queries/images/queries`` and ``final_queries/images/final_queries``.

    Args:
        folder: the folder of the data set.

    Raises:
        InputError: if there is no ground truth, no folder of references or no folder of queries,
            or if a row does not consist of two ids.
    """
    truths = [folder / name for name in TRUTHS if (folder / name).exists()]
    references = reference_folders(folder)
    queries = _folders(folder, "queries", "dev_queries", "final_queries")
    present = {TRUTHS[0]: truths, "references": references, "queries": queries}
    require("disc21", folder, {name: _SITE for name, found in present.items() if not found})
    matches: dict[str, str] = {}
    for path in truths:
        for query, reference in _matches(path):
            matches.setdefault(query, reference)
    return Dataset(
        "disc21",
        None,
        tuple(_pair(queries, references, query, name) for query, name in matches.items()),
        tuple(references),
        "",
        "",
        "DISC21: edits by programs and by hand (crops, overlays, filters ...), not by diffusion "
        "models; the paper takes its references from here, and its queries are made from them.",
    )


def reference_folders(folder: Path) -> list[Path]:
    """Find the folders of references, in the layouts that `read_disc21` describes.

    Args:
        folder: the folder of the data set.
    """
    return _folders(folder, "references")


def find_image(folders: Sequence[Path], name: str) -> Path:
    """Return the path of the image with an id.

    Args:
        folders: the folders to look in, at least one.
        name: the id of the image, which is its file name without ``.jpg``.

    Returns:
        The path of the file. If no folder has it, the path that it would have in the first folder.
    """
    paths = [folder / f"{name}.jpg" for folder in folders]
    return next((path for path in paths if os.path.exists(path)), paths[0])


def _folders(folder: Path, *names: str) -> list[Path]:
    """Find the folders of images by name: ``NAME``, ``images/NAME``, ``NAME_0``, ``NAME_1`` ...

    If such a folder has folders inside ``images``, they are returned in its place.
    """
    found = []
    for name in names:
        tops = [folder / name, folder / "images" / name, *sorted(folder.glob(f"{name}_[0-9]*"))]
        for top in tops:
            inner = [path for path in sorted((top / "images").glob("*")) if path.is_dir()]
            found += inner or ([top] if top.is_dir() else [])
    return found


def _matches(path: Path) -> Iterator[tuple[str, str]]:
    """Yield the ids of each query that has an origin, and of its origin."""
    for number, line in enumerate(read_text(path).splitlines(), start=1):
        query, comma, reference = (cell.strip() for cell in line.partition(","))
        if line.strip() and (not comma or not query or "," in reference or "\0" in line):
            raise InputError(
                f"{path}: line {number}: {line[:80]!r}",
                "expected query_id,reference_id on each line, the second empty without an origin",
                "get the file again",
            )
        if reference and query != "query_id":  # the header, where there is one
            yield query, reference


def _pair(queries: Sequence[Path], references: Sequence[Path], query: str, reference: str) -> Pair:
    return make_pair(find_image(references, reference), find_image(queries, query), reference)
