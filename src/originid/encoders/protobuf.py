"""Reads the fields of a protobuf message, of which a file in ONNX consists, without its schema.

Nothing is copied, and nothing is read but what is asked for. See
https://protobuf.dev/programming-guides/encoding.
"""

from collections.abc import Iterator

DAMAGED = "damaged, or not an ONNX file"
MOST_FIELDS = 500_000  # in all messages of a file; they take half a second


class Fields:
    """Reads messages, up to `MOST_FIELDS` of their fields in all."""

    def __init__(self) -> None:
        self._left = MOST_FIELDS

    def of(self, message: memoryview) -> Iterator[tuple[int, int | memoryview]]:
        """Yield the number and the value of each field of a message.

        A value is a whole number from 0 to 2^64 - 1, or the bytes of a text, of a packed list or of
        another message. Fields of 4 and 8 bytes, which are floats, are passed over.

        Args:
            message: the bytes of the message.

        Raises:
            ValueError: if it is no message, or there are too many fields.
        """
        at = 0
        while at < len(message):
            self._left -= 1
            if self._left < 0:
                raise ValueError(f"more than {MOST_FIELDS:,} fields")
            tag, at = _varint(message, at)
            number, kind = tag >> 3, tag & 7
            if kind == 0:
                value, at = _varint(message, at)
                yield number, value
            elif kind in (1, 5):
                at += 8 if kind == 1 else 4
            elif kind == 2:
                length, at = _varint(message, at)
                if length > len(message) - at:
                    raise ValueError(DAMAGED)
                yield number, message[at : at + length]
                at += length
            else:
                raise ValueError(DAMAGED)
        if at > len(message):
            raise ValueError(DAMAGED)


def numbers(value: int | memoryview) -> Iterator[int]:
    """Yield the whole numbers of a field of a list, which holds one, or many packed ones.

    Args:
        value: the value of the field.

    Raises:
        ValueError: if it is cut short.
    """
    if isinstance(value, int):
        yield _signed(value)
        return
    at = 0
    while at < len(value):
        number, at = _varint(value, at)
        yield _signed(number)


def message(value: int | memoryview) -> memoryview:
    """Return the value of a field that must hold bytes.

    Args:
        value: the value of the field.

    Raises:
        ValueError: if it is a number.
    """
    if isinstance(value, int):
        raise ValueError(DAMAGED)
    return value


def text(value: int | memoryview) -> str:
    """Return the value of a field that must hold text in UTF-8.

    Args:
        value: the value of the field.

    Raises:
        ValueError: if it is a number, or not UTF-8.
    """
    try:
        return bytes(message(value)).decode("utf-8")
    except UnicodeDecodeError as error:
        raise ValueError(DAMAGED) from error


def _varint(data: memoryview, at: int) -> tuple[int, int]:
    """Return the number that begins at a place, seven bits a byte, and the place after it."""
    value = 0
    for shift in range(0, 70, 7):
        if at >= len(data):
            raise ValueError(DAMAGED)
        byte = data[at]
        at += 1
        value |= (byte & 0x7F) << shift
        if byte < 0x80:
            return value & (1 << 64) - 1, at
    raise ValueError(DAMAGED)


def _signed(value: int) -> int:
    return value - (1 << 64) if value >> 63 else value
