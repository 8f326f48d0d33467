"""A fingerprint: the signs of a picture's rotated vector as a text, which may be exchanged.

The text is ``ALGORITHM:VALUE``. It has only letters, digits and ``.:-_``, so that it can stand in
an address, in a table, or in a mail. The value is base64url (RFC 4648, section 5) without padding
of these bytes, of which numbers have the most significant byte first:

===== ============ ==================================================================
bytes               what
===== ============ ==================================================================
0     8            the first 8 bytes of the model's fingerprint
8     2            dim, the number of components of a vector
10    1            the information of the picture, in 255ths, rounded
11    ceil(dim/8)  the signs as `Codec.bits` gives them, the rest of the last byte 0
...   4            CRC-32 of the algorithm's name in ASCII and all bytes before
===== ============ ==================================================================

All of this is frozen: another form would have another name.
"""

import base64
import re
import zlib
from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from originid.errors import InputError
from originid.index.codec import Codec, Codes

ALGORITHM = "io.originid.signs.1"
PREFIX = f"{ALGORITHM}:"
MODEL_DIGITS = 16  # of a model's fingerprint: two of a million models share them 1 time in 3e7
MOST_DIM = 65_535
SHOWN = 12  # characters of a value that stand for it in messages
_HEAD, _TAIL = 11, 4
_VALUE = re.compile(r"[A-Za-z0-9_-]*")
_NAME = re.compile(r"[a-z0-9-]+(\.[a-z0-9-]+)+")
AGAIN = "copy the whole text again, as originid fingerprint printed it"


@dataclass(frozen=True)
class Fingerprint:
    """What is known of a picture without the picture.

    Args:
        model: the first `MODEL_DIGITS` hexadecimal digits of the fingerprint of its model.
        dim: the number of components of a vector, from 1 to `MOST_DIM`.
        signs: of the rotated vector, packed 8 to a byte, the first one lowest.
        information: the share of the picture's cells that tell something, in [0, 1].
    """

    model: str
    dim: int
    signs: bytes
    information: float

    @property
    def text(self) -> str:
        """The fingerprint as a text; `read_fingerprint` reads it."""
        head = bytes.fromhex(self.model) + self.dim.to_bytes(2, "big")
        body = head + bytes([round(255 * self.information)]) + self.signs
        return PREFIX + _encoded(body + _checksum(body))

    @property
    def short(self) -> str:
        """The first characters of the text, for messages that people read."""
        return shortened(self.text)


def fingerprints(
    codes: Codes, codec: Codec, model: str, information: Sequence[float]
) -> list[Fingerprint]:
    """The fingerprints of pictures whose codes are known.

    Args:
        codes: of the pictures, (n, bytes).
        codec: what made them.
        model: the fingerprint of the model.
        information: of each picture, in [0, 1], (n,).

    Raises:
        InputError: the vectors have more than `MOST_DIM` components.
    """
    if codec.dim > MOST_DIM:
        raise InputError(
            f"a model with vectors of {codec.dim} components",
            f"expected at most {MOST_DIM} for a fingerprint",
            "use another model",
        )
    packed = codec.bits(codes, codec.dim)
    return [
        Fingerprint(model[:MODEL_DIGITS], codec.dim, bits.tobytes(), round(255 * share) / 255)
        for bits, share in zip(packed, information, strict=True)
    ]


def packed_signs(some: Sequence[Fingerprint], dim: int) -> NDArray[np.uint8]:
    """The signs of fingerprints as `Codec.of_bits` takes them, (n, ceil(dim / 8))."""
    together = np.frombuffer(b"".join(each.signs for each in some), np.uint8)
    return together.reshape(len(some), -(-dim // 8))


def read_fingerprint(text: str) -> Fingerprint:
    """Read a fingerprint from its text, of which no character may be wrong.

    Raises:
        InputError: it is of another algorithm, is cut short, or was changed.
    """
    name, colon, value = text.partition(":")
    if name != ALGORITHM or not colon:
        raise _of_another_algorithm(text, name if colon else "")
    if not _VALUE.fullmatch(value):
        wrong = next(character for character in value if not _VALUE.fullmatch(character))
        expected = "expected letters, digits, - and _ behind the colon"
        raise InputError(f"the fingerprint {shortened(text)} with {wrong!r} in it", expected, AGAIN)
    data = base64.urlsafe_b64decode(value[: len(value) - (len(value) % 4 == 1)] + "==")
    dim = int.from_bytes(data[8:10], "big")
    size = _HEAD + -(-dim // 8) + _TAIL
    if len(data) < _HEAD + _TAIL or len(data) != size or _encoded(data) != value:
        long = -(-4 * size // 3) if dim and len(data) >= _HEAD else 4 * (_HEAD + _TAIL) // 3
        raise InputError(
            f"the fingerprint {shortened(text)} has {len(value)} characters behind the colon",
            f"expected {'' if dim and len(data) >= _HEAD else 'more than '}{long}",
            AGAIN,
        )
    body, checksum = data[:-_TAIL], data[-_TAIL:]
    spare = -dim % 8
    if checksum != _checksum(body) or dim == 0 or (spare and body[-1] >> (8 - spare)):
        raise InputError(
            f"the fingerprint {shortened(text)} was changed: its checksum is not that of its text",
            "expected the text as it was made",
            AGAIN,
        )
    return Fingerprint(body[:8].hex(), dim, body[_HEAD:], body[10] / 255)


def is_fingerprint(text: object) -> bool:
    """Whether a text is meant as a fingerprint, though it may be a damaged one."""
    return isinstance(text, str) and text.startswith(PREFIX)


def shortened(text: str) -> str:
    """A fingerprint's text as messages show it."""
    most = len(PREFIX) + SHOWN
    return f"{text[:most]}..." if len(text) > most else text


def refuse_other_model(fingerprint: Fingerprint, model: str, dim: int) -> None:
    """Refuse a fingerprint that another model made.

    Args:
        fingerprint: what was given.
        model: the fingerprint of the model whose vectors it is to be compared with.
        dim: the number of components of these.

    Raises:
        InputError: another model made it.
    """
    if fingerprint.model != model[:MODEL_DIGITS] or fingerprint.dim != dim:
        raise InputError(
            f"the fingerprint {fingerprint.short} is of model {fingerprint.model}",
            f"expected one of model {model[:MODEL_DIGITS]}, which made this collection",
            "ask for a fingerprint by that model: originid fingerprint IMAGE --in COLLECTION",
        )


def _of_another_algorithm(text: str, name: str) -> InputError:
    known = f"expected {PREFIX} and a value behind it"
    if _NAME.fullmatch(name):
        given = f"a fingerprint of the algorithm {name}"
        return InputError(given, known, "make it anew: originid fingerprint IMAGE")
    return InputError(f"{shortened(text)!r} is no fingerprint", known, AGAIN)


def _encoded(data: bytes) -> str:
    return base64.urlsafe_b64encode(data).rstrip(b"=").decode("ascii")


def _checksum(body: bytes) -> bytes:
    return zlib.crc32(ALGORITHM.encode("ascii") + body).to_bytes(4, "big")
