"""What is asked of a chat model, on which server, and what that costs at most."""

import os
from dataclasses import dataclass, field

from originid.errors import InputError

OPENAI = "https://api.openai.com/v1"
# US dollars for a million tokens that are read and that are written: the list price of 2025.
PRICES = {"gpt-4o": (2.50, 10.00)}
IMAGE_TOKENS = 255  # what gpt-4o reads for one tile of 512 x 512
TEXT_TOKENS = 50  # what it reads for the request, about
PROMPT_TOKENS = 25  # what it writes for one prompt, about


@dataclass(frozen=True)
class ChatSettings:
    """What is asked, and which server is asked.

    Args:
        model: The name of the model at the server.
        base_url: The address of the API, to which ``/chat/completions`` is added.
        key: The key that is sent as bearer token; empty for none. It is never shown or stored.
        count: The number of prompts asked for. An answer with half of them is accepted.
        per_minute: The largest number of requests that are started in a minute.
        tries: The number of requests for one image before it is given up.
        timeout: The seconds for which a server may be silent.
        side: The longer side of the image that is sent, in pixels.

    Raises:
        InputError: A value is out of its range.
    """

    model: str = "gpt-4o"
    base_url: str = OPENAI
    key: str = field(default="", repr=False)
    count: int = 20
    per_minute: float = 500.0
    tries: int = 6
    timeout: float = 120.0
    side: int = 512

    def __post_init__(self) -> None:
        smallest = min(self.count, self.per_minute, self.tries, self.timeout, self.side)
        if not self.model or smallest <= 0:
            raise InputError(
                f"{self}",
                "expected the name of a model and numbers above 0",
                "correct the settings",
            )
        if not (self.key.isascii() and self.key.isprintable()):
            raise InputError(
                "a key for the chat model with characters that no key has",
                "expected printable ASCII characters",
                "check the variable OPENAI_API_KEY",
            )

    @classmethod
    def from_environment(cls, model: str, count: int) -> "ChatSettings":
        """Return settings with ``OPENAI_BASE_URL`` and ``OPENAI_API_KEY``, as other tools do.

        Args:
            model: The name of the model at the server.
            count: The number of prompts for each origin.

        Raises:
            InputError: There is no key for OpenAI itself.
        """
        url = os.environ.get("OPENAI_BASE_URL") or OPENAI
        key = os.environ.get("OPENAI_API_KEY", "").strip()
        if url == OPENAI and not key:
            raise InputError(
                f"no key for {url}",
                "expected a key in the variable OPENAI_API_KEY",
                "set it, or set OPENAI_BASE_URL to a server that needs no key",
            )
        return cls(model, url, key, count)


@dataclass(frozen=True)
class ChatCost:
    """The most that asking a chat model costs.

    Args:
        requests: The number of requests.
        tokens_read: The number of tokens that the model reads.
        tokens_written: The number of tokens that the model writes.
        usd: The price in US dollars; None where it is not known.
    """

    requests: int
    tokens_read: int
    tokens_written: int
    usd: float | None


def most_cost(settings: ChatSettings, images: int) -> ChatCost:
    """Return the most that asking about some images costs.

    Args:
        settings: What is asked, and which server is asked.
        images: The number of images, none of which was asked about before.
    """
    read = images * (IMAGE_TOKENS + TEXT_TOKENS)
    written = images * settings.count * PROMPT_TOKENS
    price = PRICES.get(settings.model) if settings.base_url == OPENAI else None
    usd = None if price is None else (read * price[0] + written * price[1]) / 1e6
    return ChatCost(images, read, written, usd)
