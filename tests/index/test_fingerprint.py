"""Fingerprints: the text is fixed for ever, and a damaged one is refused."""

import base64
import zlib

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from originid.errors import InputError
from originid.index import Codec
from originid.index.fingerprint import (
    ALGORITHM,
    PREFIX,
    Fingerprint,
    fingerprints,
    is_fingerprint,
    packed_signs,
    read_fingerprint,
    refuse_other_model,
    shortened,
)

MODEL = "00112233445566778899aabbccddeeff"
FROZEN = "io.originid.signs.1:ABEiM0RVZncADIDVDn16ZWc"

any_fingerprint = st.integers(1, 300).flatmap(
    lambda dim: st.builds(
        lambda model, signs, share: Fingerprint(
            model.hex(),
            dim,
            (int.from_bytes(signs, "little") % (1 << dim)).to_bytes(-(-dim // 8), "little"),
            share / 255,
        ),
        st.binary(min_size=8, max_size=8),
        st.binary(min_size=-(-dim // 8), max_size=-(-dim // 8)),
        st.integers(0, 255),
    )
)


def with_checksum(body: bytes) -> str:
    """The text of some bytes, whatever they say."""
    checksum = zlib.crc32(ALGORITHM.encode() + body).to_bytes(4, "big")
    return PREFIX + base64.urlsafe_b64encode(body + checksum).decode().rstrip("=")


def refused(text: str) -> InputError:
    with pytest.raises(InputError) as caught:
        read_fingerprint(text)
    return caught.value


def test_the_text_is_frozen() -> None:
    vector = np.arange(1, 13, dtype=np.float32)[None]
    codec = Codec(12)
    (made,) = fingerprints(codec.encode(vector), codec, MODEL, [0.5])
    assert made == Fingerprint(MODEL[:16], 12, made.signs, 128 / 255)
    assert made.text == FROZEN
    # Byte by byte, as the documentation says.
    head = bytes.fromhex("0011223344556677") + bytes([0, 12, 128])
    assert made.text == with_checksum(head + made.signs)
    signs = codec.rotate(vector)[0] > 0
    assert [made.signs[i // 8] >> i % 8 & 1 for i in range(16)] == [*signs.tolist(), *[0] * 4]


@settings(deadline=None)
@given(any_fingerprint)
def test_what_is_written_is_read(made: Fingerprint) -> None:
    assert read_fingerprint(made.text) == made
    assert is_fingerprint(made.text)
    assert set(made.text) <= set(
        "abcdefghijklmnopqrstuvwxyzABCDEFGHIJKLMNOPQRSTUVWXYZ0123456789-_.:"
    )
    assert packed_signs([made], made.dim).tobytes() == made.signs


@settings(deadline=None)
@given(any_fingerprint, st.data())
def test_no_character_may_be_wrong_missing_or_added(made: Fingerprint, data: st.DataObject) -> None:
    text = made.text
    place = data.draw(st.integers(len(PREFIX), len(text) - 1))
    other = data.draw(st.sampled_from("AZaz09-_ \n=+/é"))
    if text[place] != other:
        refused(text[:place] + other + text[place + 1 :])
    refused(text[:place])
    refused(text[:place] + other + text[place:])
    refused(text + "=")


@settings(deadline=None)
@given(st.text(max_size=80))
def test_any_other_text_is_refused(text: str) -> None:
    refused(text)
    refused(PREFIX + text)


def test_reasons() -> None:
    assert "of the algorithm com.adobe.icn.dense" in refused("com.adobe.icn.dense:AAAA").given
    assert refused("photo.jpg").given == "'photo.jpg' is no fingerprint"
    assert refused(FROZEN[:-1]).given.endswith("has 22 characters behind the colon")
    assert refused(FROZEN[:-1]).expected == "expected 23"
    assert "with '+' in it" in refused(FROZEN.replace("Z", "+")).given
    assert "was changed" in refused(FROZEN.replace("ABEi", "ABEj")).given
    assert "copy the whole text again" in refused(FROZEN[:-1]).todo


@pytest.mark.parametrize(
    "body",
    [
        bytes(8) + bytes([0, 0, 0]),  # no components
        bytes(8) + bytes([0, 12, 0, 0, 0xF0]),  # signs behind the last component
    ],
)
def test_what_no_picture_has_is_refused_in_spite_of_its_checksum(body: bytes) -> None:
    refused(with_checksum(body))


def test_another_model_is_refused() -> None:
    made = read_fingerprint(FROZEN)
    refuse_other_model(made, MODEL, 12)
    for model, dim in (("ff" * 16, 12), (MODEL, 13)):
        with pytest.raises(InputError, match="is of model 0011223344556677"):
            refuse_other_model(made, model, dim)


def test_too_many_components() -> None:
    codec = Codec(65_536)
    with pytest.raises(InputError, match="65536 components"):
        fingerprints(np.zeros((1, codec.size), np.uint8), codec, MODEL, [1.0])


def test_messages_show_how_it_begins() -> None:
    assert shortened(FROZEN) == "io.originid.signs.1:ABEiM0RVZncA..."
    assert shortened("io.originid") == "io.originid"
