"""DISC21, the data set of the Image Similarity Challenge 2021."""

from collections.abc import Iterator, Sequence
from pathlib import Path

from originid.datasets.base import Dataset, make_pair, read_text, require
from originid.errors import InputError
from originid.types import Pair

TRUTHS = ("final_ground_truth.csv", "dev_ground_truth.csv", "public_ground_truth.csv")
_SITE = "https://sites.google.com/view/isc2021/dataset, 350 GB"


def read_disc21(folder: Path) -> Dataset:
    """Queries of DISC21 that have an origin, among its references.

    ``*_ground_truth.csv`` have a row ``query_id,reference_id`` a query, the second empty where the
    query has no origin, the header optional (facebookresearch/isc2021, ``isc/io.py``); as many of
    `TRUTHS` are read as are there, a query once. Images are named by id. Their folders are those
    of the challenge's tutorial (``references``, ``queries``, also below ``images``) or those that
    a mirror lists of the unpacked archives (``references_0/images/references`` to
    ``references_19/...``, ``dev_queries/images/queries``, ``final_queries/images/final_queries``).

    Raises:
        InputError: no ground truth, no folder of references or queries, or a row that is not two
            ids.
    """
    truths = [folder / name for name in TRUTHS if (folder / name).exists()]
    references = reference_folders(folder)
    queries = _folders(folder, "queries", "dev_queries", "final_queries")
    present = {TRUTHS[0]: truths, "references": references, "queries": queries}
    require("disc21", folder, {part: _SITE for part, found in present.items() if not found})
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
    """Where references of DISC21 lie, in the layouts that `read_disc21` describes."""
    return _folders(folder, "references")


def find_image(folders: Sequence[Path], name: str) -> Path:
    """The file of an image id: where it is, or, if it is in none of the folders, where it belongs.

    Args:
        folders: at least one.
    """
    paths = [folder / f"{name}.jpg" for folder in folders]
    return next((path for path in paths if path.exists()), paths[0])


def _folders(folder: Path, *names: str) -> list[Path]:
    """Folders of images by these names: the innermost of ``NAME``, ``images/NAME``, ``NAME_0``."""
    found = []
    for name in names:
        tops = [folder / name, folder / "images" / name, *sorted(folder.glob(f"{name}_[0-9]*"))]
        for top in tops:
            inner = [path for path in sorted((top / "images").glob("*")) if path.is_dir()]
            found += inner or ([top] if top.is_dir() else [])
    return found


def _matches(path: Path) -> Iterator[tuple[str, str]]:
    for number, line in enumerate(read_text(path).splitlines(), start=1):
        query, comma, reference = (part.strip() for part in line.partition(","))
        if line.strip() and (not comma or not query or "," in reference):
            raise InputError(
                f"{path}: line {number}: {line[:80]!r}",
                "expected query_id,reference_id on each line, the second empty without an origin",
                "get the file again",
            )
        if reference and query != "query_id":
            yield query, reference


def _pair(queries: Sequence[Path], references: Sequence[Path], query: str, reference: str) -> Pair:
    return make_pair(find_image(references, reference), find_image(queries, query), reference)
