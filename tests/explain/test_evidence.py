"""The evidence as a whole: from two images to a picture, a page and numbers."""

import json
import re
from html.parser import HTMLParser
from importlib.resources import files
from pathlib import Path

import numpy as np
import pytest
from PIL import Image as PILImage

from originid.answer import Match
from originid.errors import InputError, UsageError
from originid.explain.drawing import draw_evidence
from originid.explain.evidence import Evidence, explain_pair
from originid.explain.page import to_html
from originid.explain.panels import BLUE, SIDE, THIN, checkerboard, fitted, heat_map
from originid.explain.writing import write_evidence
from originid.maps import DenseMap
from originid.model import Model, open_model, save_model
from originid.testing import QuadrantEncoder, textured_image
from originid.types import Image, Verdict

WIDTH = 1020


@pytest.fixture(scope="module")
def packaged() -> Model:
    """The packaged model."""
    return open_model()


def match(view: str = "full", box: tuple[float, float, float, float] | None = None) -> Match:
    return Match(1, "photos/a.png", 0.5, 0.001, view, box=box)


def photo(name: str) -> Image:
    """A photo that the package carries."""
    with PILImage.open(str(files("originid") / "data" / "demo_photos" / f"{name}.jpg")) as opened:
        return np.asarray(opened.convert("RGB"))


def explained(
    model: Model, query: Image, reference: Image, of: Match | None = None, name: str = "q.png"
) -> Evidence:
    none = np.zeros((0, model.dim), np.float32)
    return explain_pair(query, reference, of or match(), model, none, name, Verdict.ORIGIN)


def test_a_mirrored_copy_is_alike_everywhere(packaged: Model) -> None:
    origin = textured_image(1, 90, 120)
    found = explained(packaged, origin[:, ::-1], origin, match("mirrored", (0, 0, 1, 1)))
    assert found.cells is not None
    assert found.cells.score == pytest.approx(1, abs=1e-3)
    assert found.cells.share == 1
    np.testing.assert_array_equal(found.aligned, origin)
    assert "once it is mirrored" in found.sentence
    assert "100 % of the shared area" in found.sentence


def test_a_stranger_does_not_look_convincing(packaged: Model) -> None:
    found = explained(packaged, photo("cat"), photo("boston"))
    assert found.cells is not None
    assert found.cells.share < 0.15
    assert "no more than a stranger" in found.sentence


def test_the_heat_map_is_blue_where_they_agree(packaged: Model) -> None:
    origin = textured_image(3, 128, 128)
    query = origin.copy()
    query[64:] = textured_image(4, 64, 128)
    heat = heat_map(explained(packaged, query, origin))
    assert heat is not None
    bluish = heat[..., 2].astype(int) > heat[..., 0]
    assert BLUE[2] > BLUE[0]
    assert bluish[: SIDE // 3].mean() > 0.9
    assert bluish[2 * SIDE // 3 :].mean() < 0.3


def test_the_checkerboard_takes_turns(packaged: Model) -> None:
    query, reference = (np.full((80, 80, 3), grey, np.uint8) for grey in (0, 255))
    board = checkerboard(explained(packaged, query, reference))
    tile = SIDE // 8
    for row in range(8):
        for column in range(8):
            middle = board[row * tile + tile // 2, column * tile + tile // 2]
            assert (middle == (0 if (row + column) % 2 == 0 else 255)).all()


def test_json_adds_up_and_says_all(packaged: Model) -> None:
    origin = textured_image(5, 96, 96)
    place = match("as the upper right part of the reference", (0.25, 0, 1, 0.75))
    found = explained(packaged, origin[:72, 24:], origin, place)
    data = json.loads(json.dumps(found.to_json(), allow_nan=False))
    cells = data["cells"]
    assert sum(map(sum, cells["contributions"])) == pytest.approx(cells["score"], abs=1e-4)
    assert data["box"] == [0.25, 0, 1, 0.75]
    assert data["sentence"] == found.sentence
    assert (data["query"], data["reference"]) == ("q.png", "photos/a.png")
    assert len(cells["alike"]) == len(cells["alike"][0]) == cells["size"] == 32
    assert data["alignment"]["inliers"] == len(data["alignment"]["inlier_places"])
    assert 0.4 < data["alignment"]["covered"] < 0.7


@pytest.mark.parametrize("shape", [(1, 1), (20, 4000), (4000, 20), (3, 2), (2000, 1500)])
def test_images_of_every_shape_are_drawn(packaged: Model, shape: tuple[int, int]) -> None:
    odd, plain = textured_image(6, *shape), textured_image(7, 60, 80)
    for query, reference in ((odd, plain), (plain, odd), (odd, odd)):
        found = explained(packaged, query, reference)
        picture = draw_evidence(found)
        assert picture.mode == "RGB"
        assert picture.width == WIDTH
        assert 300 < picture.height < 1500
        assert max(found.reference_image.shape) <= 1024
        json.dumps(found.to_json(), allow_nan=False)


@pytest.mark.parametrize("grey", [0, 128, 255])
def test_images_of_one_colour_are_drawn(packaged: Model, grey: int) -> None:
    flat = np.full((50, 50, 3), grey, np.uint8)
    found = explained(packaged, flat, textured_image(8))
    draw_evidence(found)
    json.dumps(found.to_json(), allow_nan=False)


def test_panels_have_one_longer_side() -> None:
    assert fitted(textured_image(0, 1, 1)).shape == (SIDE, SIDE, 3)
    assert fitted(textured_image(0, 20, 2000)).shape == (THIN, SIDE, 3)
    assert fitted(textured_image(0, 900, 600)).shape == (SIDE, SIDE * 2 // 3, 3)


def test_a_model_without_a_grid_of_cells_shows_the_rest(tmp_path: Path, packaged: Model) -> None:
    encoder = QuadrantEncoder()
    map = DenseMap(np.eye(12, dtype=np.float32), np.zeros(12, np.float32))
    calibration = packaged.calibration
    model = save_model(tmp_path / "m", encoder, map, calibration, {"method": "none"})
    found = explained(model, textured_image(9), textured_image(9))
    assert found.cells is None
    assert heat_map(found) is None
    assert draw_evidence(found).width == WIDTH
    assert found.to_json()["cells"] is None
    assert "looks alike" not in found.sentence
    assert to_html(found).count("<figure>") == 4


class Elements(HTMLParser):
    """The elements of a page, with their attributes."""

    def __init__(self) -> None:
        super().__init__()
        self.found: list[tuple[str, dict[str, str | None]]] = []

    def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        self.found.append((tag, dict(attrs)))


def test_the_page_holds_all_that_it_shows_and_nothing_that_a_name_smuggles_in(
    packaged: Model,
) -> None:
    name = '"><script>alert(1)</script>\x1b.png'
    page = to_html(explained(packaged, textured_image(1), textured_image(1), name=name))
    elements = Elements()
    elements.feed(page)
    assert sum(tag == "script" for tag, _ in elements.found) == 1
    sources = [attributes["src"] for tag, attributes in elements.found if tag == "img"]
    assert len(sources) == 6
    assert all(source and source.startswith("data:image/jpeg;base64,") for source in sources)
    assert not re.search(r"https?://|\x1b", page)
    assert "&lt;script&gt;alert(1)" in page


def test_files_are_written_by_their_suffix(packaged: Model, tmp_path: Path) -> None:
    found = explained(packaged, textured_image(1), textured_image(1))
    for suffix, form in ((".png", "PNG"), (".JPG", "JPEG")):
        write_evidence(tmp_path / f"e{suffix}", found)
        with PILImage.open(tmp_path / f"e{suffix}") as picture:
            assert picture.format == form
            assert picture.width == WIDTH
    write_evidence(tmp_path / "e.html", found)
    assert (tmp_path / "e.html").read_text(encoding="utf-8") == to_html(found)
    write_evidence(tmp_path / "e.json", found)
    assert json.loads((tmp_path / "e.json").read_text(encoding="utf-8")) == found.to_json()
    with pytest.raises(UsageError, match=r"\.png, \.jpg, \.html or \.json"):
        write_evidence(tmp_path / "e.gif", found)
    with pytest.raises(UsageError, match="mkdir -p"):
        write_evidence(tmp_path / "no-folder" / "e.png", found)
    (tmp_path / "folder.png").mkdir()
    with pytest.raises(InputError, match="is a folder"):
        write_evidence(tmp_path / "folder.png", found)


def test_the_same_pair_gives_the_same_bytes(packaged: Model, tmp_path: Path) -> None:
    for name in ("a.png", "b.png"):
        write_evidence(tmp_path / name, explained(packaged, textured_image(2), textured_image(3)))
    assert (tmp_path / "a.png").read_bytes() == (tmp_path / "b.png").read_bytes()


def test_blank_pictures_are_said_to_tell_nothing(packaged: Model) -> None:
    white = np.full((90, 120, 3), 255, np.uint8)
    found = explained(packaged, white, white.copy(), Match(1, "a.png", 1.0, 1.0))
    assert found.sentence.startswith("There is too little in one of these pictures to tell")


def test_the_frame_counts_where_both_have_the_same(packaged: Model) -> None:
    sky = np.full((256, 256, 3), 255, np.uint8)
    sky[8:-8, 8:-8] = (70, 120, 200)
    sky[60:84, 90:130] = (20, 30, 40)
    alone = explained(packaged, sky, sky.copy())
    assert alone.cells is not None
    assert not alone.cells.known.all()
    same = explained(packaged, sky, sky.copy(), Match(1, "a.png", 0.97, 0.0))
    assert same.cells is not None
    assert same.cells.known.all()
    assert "100 % of the shared area looks alike" in same.sentence
