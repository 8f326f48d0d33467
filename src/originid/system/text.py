"""Turns file names into text that is safe to show."""


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
