"""The types of the fixtures of `tests/browser` that are functions."""

from typing import TYPE_CHECKING, Any, Protocol

if TYPE_CHECKING:
    from playwright.sync_api import Page


class OpenPage(Protocol):
    """Opens an address; further arguments are those of a context of playwright."""

    def __call__(self, address: str, **context: Any) -> "Page": ...


class Axe(Protocol):
    """Finds what hinders people with disabilities on a page, where it is serious."""

    def __call__(self, page: "Page") -> list[str]: ...
