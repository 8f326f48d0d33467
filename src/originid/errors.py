"""The errors that originid raises on purpose.

::

    OriginidError
    ├── InputError        a bad option, path or manifest
    │   ├── ImageError    a file or a byte string that is not a usable image
    │   │   └── TooLargeError    it exceeds a limit
    │   └── UsageError    an option's value that is wrong whatever the disk holds
    ├── ModelError        a model directory that cannot be used
    ├── CollectionError   a collection that cannot be used, or not with this model
    ├── StorageError      the disk is full or cannot be written
    ├── ServiceError      a service that does not answer, or says no
    └── ExtraError        a feature whose optional packages are not installed

The text of each error has three lines: what was given, what was expected, and what to do.
"""


class OriginidError(Exception):
    """The base of all errors that originid raises on purpose.

    Args:
        given: what was given, as a line without a full stop.
        expected: what was expected instead.
        todo: what the user can do about it.
    """

    def __init__(self, given: str, expected: str, todo: str) -> None:
        super().__init__(given, expected, todo)
        self.given = given
        self.expected = expected
        self.todo = todo

    def __str__(self) -> str:
        return f"{self.given}\n{self.expected}\n{self.todo}"


class InputError(OriginidError):
    """An option, a path or a manifest that cannot be used."""

    @property
    def reason(self) -> str:
        """What was given and what was expected, in one line, for a row of a summary."""
        return f"{self.given}; {self.expected}"


class ImageError(InputError):
    """A file or a byte string that is not a usable image."""


class TooLargeError(ImageError):
    """An image that has more bytes or pixels than a limit allows, or takes more memory."""


class UsageError(InputError):
    """An option's value that is wrong whatever the disk holds."""


class ModelError(OriginidError):
    """A model directory that cannot be used."""


class CollectionError(OriginidError):
    """A collection that cannot be used, or not with this model."""


class ModelChangedError(CollectionError):
    """A collection that got another model (`originid upgrade`) after it was opened."""


class StorageError(OriginidError):
    """The disk is full or cannot be written."""


class ServiceError(OriginidError):
    """A service that does not answer, or says no: what `originid.client` raises.

    Args:
        status: of HTTP; 0 if there was no answer.
        code: a word for programs, such as ``too_many``; ``no_answer`` if there was none, and
            ``foreign_answer`` if it was not one of originid.
        given: what was given.
        expected: what was expected instead.
        todo: what the user can do about it.
    """

    def __init__(self, status: int, code: str, given: str, expected: str, todo: str) -> None:
        super().__init__(given, expected, todo)
        self.status, self.code = status, code


class ExtraError(OriginidError):
    """A feature whose optional packages are not installed.

    Args:
        feature: the feature in words, such as ``a public model``.
        extra: the name of the extra that installs its packages.
    """

    def __init__(self, feature: str, extra: str) -> None:
        super().__init__(
            f"{feature} needs packages that are not installed",
            f"the extra [{extra}] of originid",
            f"pip install 'originid[{extra}]'",
        )


def cause(error: Exception) -> str:
    """Say in words why a file could not be used.

    Args:
        error: the exception that reading the file raised; a ``KeyError`` means that an entry is
            missing, and its own text is only the name of the entry.
    """
    return f"it lacks {error}" if isinstance(error, KeyError) else str(error)
