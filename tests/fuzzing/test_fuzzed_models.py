"""Models, networks, tables and settings of any bytes give a result or one of our errors, and soon.

How to try more files is in ``tests/support/any_bytes.py``.
"""

import json
import shutil
from pathlib import Path

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from any_bytes import JSON, damaged, fuzz, ours_only, with_any_value
from originid.datasets.pairs import read_pairs
from originid.encoders import open_encoder
from originid.encoders.onnx import INPUT, METADATA, OUTPUT, PACKAGED
from originid.encoders.onnx_file import read_network
from originid.generation.prompts.file import read_column
from originid.maps import load_map
from originid.model import Model, open_model
from originid.training.fitting import read_map_settings


@pytest.fixture
def folder(model: Model, tmp_path: Path) -> Path:
    """A model folder that may be changed."""
    return Path(shutil.copytree(model.folder, tmp_path / "model"))


@fuzz(150)
@given(data=st.data())
def test_a_model_with_any_value_in_any_place(
    model: Model, folder: Path, data: st.DataObject
) -> None:
    whole = json.loads((model.folder / "model.json").read_bytes())
    (folder / "model.json").write_text(json.dumps(data.draw(with_any_value(whole))))
    with ours_only():
        opened = open_model(folder)
        scores = np.linspace(-1, 1, 9, dtype=np.float32)
        assert np.isfinite(opened.calibration.confidence(scores, 10)).all()
        opened.encoder  # noqa: B018


@fuzz(150)
@given(data=st.data())
def test_a_model_json_of_any_bytes(model: Model, folder: Path, data: st.DataObject) -> None:
    sound = (model.folder / "model.json").read_bytes()
    (folder / "model.json").write_bytes(data.draw(damaged(sound) | st.binary()))
    with ours_only():
        open_model(folder).encoder  # noqa: B018


@fuzz(200)
@given(data=st.data())
def test_a_map_of_any_bytes(model: Model, tmp_path: Path, data: st.DataObject) -> None:
    sound = (model.folder / "map.safetensors").read_bytes()
    # What is damaged is nearly always in the header, where it matters.
    header = 8 + int.from_bytes(sound[:8], "little")
    bytes_ = data.draw(damaged(sound[:header])) + sound[header:]
    length = data.draw(st.sampled_from([None, None, 0, 2**63, len(bytes_)]))
    if length is not None:
        bytes_ = length.to_bytes(8, "little") + bytes_[8:]
    (tmp_path / "map.safetensors").write_bytes(bytes_)
    with ours_only():
        found = load_map(tmp_path / "map.safetensors")
        assert found.dim >= 1


@fuzz(200)
@given(data=st.data())
def test_a_map_with_any_header(model: Model, tmp_path: Path, data: st.DataObject) -> None:
    sound = (model.folder / "map.safetensors").read_bytes()
    end = 8 + int.from_bytes(sound[:8], "little")
    header = json.loads(sound[8:end])
    text = json.dumps(data.draw(with_any_value(header))).encode()
    (tmp_path / "m").write_bytes(len(text).to_bytes(8, "little") + text + sound[end:])
    with ours_only():
        load_map(tmp_path / "m")


@fuzz(150)
@given(data=st.data())
def test_a_network_of_any_bytes(tmp_path: Path, data: st.DataObject) -> None:
    whole = PACKAGED.read_bytes()
    file = tmp_path / "e.onnx"
    file.write_bytes(data.draw(damaged(whole) | damaged(whole[-60_000:]) | st.binary()))
    with ours_only():
        open_encoder(f"onnx:{file}")


@fuzz(400)
@given(st.binary(max_size=200))
def test_a_short_network_of_any_bytes(data: bytes) -> None:
    try:
        read_network(data, METADATA, INPUT, OUTPUT)
    except (ValueError, KeyError):
        return
    pytest.fail("no network is so short")


CELLS = st.text(max_size=6) | st.sampled_from(["origin", "query", "path", "prompt", "", "'=", "\0"])
TABLES = st.lists(st.lists(CELLS, max_size=4), max_size=5).map(
    lambda rows: "\n".join(",".join(row) for row in rows).encode("utf-8", "surrogatepass")
)
HEADED = st.tuples(
    st.sampled_from([b"origin,query\n", b"\xef\xbb\xbfquery,origin,prompt\r\n", b"path,prompt\n"]),
    TABLES | st.binary(max_size=60),
).map(b"".join)


@fuzz(300)
@given(st.binary(max_size=80) | TABLES | HEADED)
def test_a_table_of_any_bytes(tmp_path: Path, data: bytes) -> None:
    (tmp_path / "pairs.csv").write_bytes(data)
    with ours_only():
        pairs = read_pairs(tmp_path / "pairs.csv")
        assert all(pair.origin.is_absolute() for pair in pairs)
    with ours_only():
        read_column(tmp_path / "pairs.csv", "prompt")


@fuzz(200)
@given(
    st.binary(max_size=60)
    | JSON.map(lambda value: json.dumps(value).encode())
    | st.dictionaries(
        st.sampled_from(["preset", "rank", "dim", "cutoff", "epochs", "loss", "seed"]), JSON
    ).map(lambda value: json.dumps(value).encode())
)
def test_settings_of_any_bytes(tmp_path: Path, data: bytes) -> None:
    (tmp_path / "s.json").write_bytes(data)
    with ours_only():
        read_map_settings(str(tmp_path / "s.json"))
