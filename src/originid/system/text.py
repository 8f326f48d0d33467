"""Text for people: names of any bytes, and confidences that promise nothing."""


def printable(text: str) -> str:
    """The text with control characters and undecodable bytes escaped."""
    return "".join(
        c if c.isprintable() else c.encode("unicode_escape").decode("ascii") for c in text
    )


def percent(confidence: float) -> str:
    """A confidence in percent: never 100, which no finite calibration can promise."""
    return ">99.99%" if confidence > 0.9999 else f"{confidence:.2%}"
