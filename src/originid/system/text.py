"""Turns file names and confidences into text that is safe and honest to show."""


def printable(text: str) -> str:
    """Escape what a terminal should not get: control characters and bytes that are not UTF-8.

    Args:
        text: any text, such as a file name; bytes that could not be decoded are in it as
            surrogates, as `os.fsdecode` leaves them.

    Returns:
        The text, in which each such character is written as ``\\x1b`` or ``\\udcff``.
    """
    return "".join(
        c if c.isprintable() else c.encode("unicode_escape").decode("ascii") for c in text
    )


def percent(confidence: float) -> str:
    """Write a confidence as a percentage.

    Args:
        confidence: a probability in [0, 1].

    Returns:
        A text such as ``98.76%``. It is never ``100%``: a calibration on finitely many scores
        cannot promise that, so ``>99.99%`` is the most.
    """
    return ">99.99%" if confidence > 0.9999 else f"{confidence:.2%}"
