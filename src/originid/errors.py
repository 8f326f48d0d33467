"""The errors that originid raises on purpose.

::

    OriginidError
    ├── InputError        a bad option, path or manifest
    │   ├── ImageError    a file or a byte string that is not a usable image
    │   └── UsageError    an option's value that is wrong whatever the disk holds
    ├── ModelError        a model directory that cannot be used
    ├── CollectionError   a collection that cannot be used, or not with this model
    ├── StorageError      the disk is full or cannot be written
    └── ExtraError        a feature whose optional packages are not installed

Each has three parts: what was given, what was expected, and what to do.
"""


class OriginidError(Exception):
    """Base of all errors raised on purpose; its text is one line per part."""

    def __init__(self, given: str, expected: str, todo: str) -> None:
        super().__init__(given, expected, todo)
        self.given = given
        self.expected = expected
        self.todo = todo

    def __str__(self) -> str:
        return f"{self.given}\n{self.expected}\n{self.todo}"


class InputError(OriginidError):
    """A bad option, path or manifest."""

    @property
    def reason(self) -> str:
        """The error in one line, for a row of a summary."""
        return f"{self.given}; {self.expected}"


class ImageError(InputError):
    """A file or a byte string that is not a usable image."""


class UsageError(InputError):
    """An option's value that is wrong whatever the disk holds."""


class ModelError(OriginidError):
    """A model directory that cannot be used."""


class CollectionError(OriginidError):
    """A collection that cannot be used, or not with this model."""


class StorageError(OriginidError):
    """The disk is full or cannot be written."""


class ExtraError(OriginidError):
    """A feature whose optional packages are not installed."""

    def __init__(self, feature: str, extra: str) -> None:
        super().__init__(
            f"{feature} needs packages that are not installed",
            f"the extra [{extra}] of originid",
            f"pip install 'originid[{extra}]'",
        )


def cause(error: Exception) -> str:
    """What was wrong with a file that could not be used, in words."""
    return f"it lacks {error}" if isinstance(error, KeyError) else str(error)
