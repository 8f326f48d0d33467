"""Prompts from a vision-language model behind the chat completions API of OpenAI.

Many servers have this API: OpenAI, vLLM, Ollama, llama.cpp, LM Studio and most providers. The
request is the paper's (appendix B, figure 11): the image and one sentence.
"""

import base64
import hashlib
import io
import json
import os
import threading
import time
from collections.abc import Callable
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import numpy as np
from PIL import Image as PILImage

from originid.errors import ExtraError, InputError
from originid.generation.prompts.answers import (
    RetryError,
    read_completion,
    retry_after,
    server_error,
)
from originid.generation.prompts.base import PromptError
from originid.system.storage import new_file, storage_errors
from originid.types import Image, Json

REQUEST = (
    "I am doing image-to-image translation. Could you think of creative prompts to translate this "
    "image to different ones? Keep them creative, and only return {count} different prompts."
)
OPENAI = "https://api.openai.com/v1"
# US dollars for a million tokens that are read and that are written: the list price of 2025.
PRICES = {"gpt-4o": (2.50, 10.00)}
IMAGE_TOKENS = 255  # what gpt-4o reads for one tile of 512 x 512
TEXT_TOKENS = 50  # what it reads for the request, about
PROMPT_TOKENS = 25  # what it writes for one prompt, about
LONGEST_WAIT = 600.0  # seconds; a server that asks for more has no quota left, and is not busy
AGAIN = frozenset({408, 409, 425, 429, 500, 502, 503, 504, 529})  # statuses worth another try
HOPELESS = frozenset({401, 402, 403, 404})  # statuses that every image would get


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


class ChatPrompts:
    """Asks a chat model about each image, and never asks again what was answered before.

    If the server is busy (429, 5xx), does not answer in time, or answers something unusable, the
    request is repeated after the time that the server asks for, else after 1, 2, 4 ... seconds.

    Args:
        settings: What is asked, and which server is asked.
        folder: The folder in which each answer is kept as a JSON file. It is made when needed.
        sleep: A function that waits so many seconds.
        clock: A function that returns the time in seconds, from any start.

    Raises:
        ExtraError: httpx is not installed.
    """

    def __init__(
        self,
        settings: ChatSettings,
        folder: Path,
        sleep: Callable[[float], None] = time.sleep,
        clock: Callable[[], float] = time.monotonic,
    ) -> None:
        try:
            import httpx
        except ImportError as error:
            raise ExtraError("prompts from a chat model", "generate") from error
        headers = {"Authorization": f"Bearer {settings.key}"} if settings.key else {}
        self._settings, self._folder, self._sleep = settings, folder, sleep
        self._client = httpx.Client(headers=headers, timeout=settings.timeout)
        self._pace = _Pace(60 / settings.per_minute, sleep, clock)

    def __reduce__(self) -> "tuple[type[ChatPrompts], tuple[ChatSettings, Path]]":
        return ChatPrompts, (self._settings, self._folder)

    def count(self, path: Path) -> int:
        """Return the number of prompts asked for, which is the same for every image.

        Args:
            path: The path of the image file, which does not matter.
        """
        return self._settings.count

    def estimate(self, images: int) -> ChatCost:
        """Return the most that asking about so many images costs.

        Args:
            images: The number of images, none of which was asked about before.
        """
        read = images * (IMAGE_TOKENS + TEXT_TOKENS)
        written = images * self._settings.count * PROMPT_TOKENS
        price = PRICES.get(self._settings.model) if self._settings.base_url == OPENAI else None
        usd = None if price is None else (read * price[0] + written * price[1]) / 1e6
        return ChatCost(images, read, written, usd)

    def prompts(self, path: Path, image: Image) -> list[str]:
        """Return the prompts of an image: kept ones, or else those of a new request.

        Args:
            path: The path of the image file, which does not matter.
            image: The image: uint8 of shape (h, w, 3).

        Raises:
            PromptError: The server gives no prompts for this image.
            InputError: The server gives no prompts for any image.
            StorageError: The disk refuses to keep the answer.
        """
        text = _request(self._settings.count)
        file = self._folder / f"{_key(image, self._settings.model, text)}.json"
        if (known := _kept(file)) is not None:
            return known
        found = self._ask(_body(self._settings.model, text, _data_url(image, self._settings.side)))
        with storage_errors(file):
            file.parent.mkdir(parents=True, exist_ok=True)
            with new_file(file) as temporary:
                answer = {"model": self._settings.model, "request": text, "prompts": found}
                temporary.write_text(json.dumps(answer, indent=1), encoding="utf-8")
        return found

    def _ask(self, body: Json) -> list[str]:
        tries = self._settings.tries
        for attempt in range(tries):
            self._pace.wait()
            try:
                return self._ask_once(body)
            except RetryError as error:
                again = error
            if attempt + 1 < tries:
                self._sleep(2.0**attempt if again.after is None else again.after)
        kind = InputError if again.lost else PromptError
        raise kind(
            f"no prompts from {self._settings.model}: {again}",
            f"expected an answer with {self._settings.count} prompts within {tries} tries",
            "run again later" if not again.lost else "check OPENAI_BASE_URL and the connection",
        )

    def _ask_once(self, body: Json) -> list[str]:
        import httpx

        url = f"{self._settings.base_url.rstrip('/')}/chat/completions"
        try:
            response = self._client.post(url, json=body)
        except httpx.TimeoutException as error:
            raise RetryError(f"no answer for {self._settings.timeout:g} s") from error
        except httpx.ConnectError as error:
            raise RetryError(f"no connection to {url}: {error}", lost=True) from error
        except httpx.TransportError as error:
            raise RetryError(f"the connection broke: {error}") from error
        except httpx.InvalidURL as error:
            given = f"the address {url}: {error}"
            raise InputError(given, "expected a valid URL", "check OPENAI_BASE_URL") from error
        if not response.is_success:
            self._refuse(response.status_code, response.headers, response.content)
        return read_completion(response.content, self._settings.count)

    def _refuse(self, status: int, headers: Any, content: bytes) -> None:
        """Raise the error that a status other than 2xx stands for."""
        code, message = server_error(content)
        if self._settings.key:
            message = message.replace(self._settings.key, "(key)")
        given = f"{self._settings.base_url} answers {status}"
        if status in AGAIN and code != "insufficient_quota":
            after = retry_after(headers.get("Retry-After", ""))
            if after is None or after <= LONGEST_WAIT:
                raise RetryError(f"status {status} {message}".strip(), after)
            message = f"it asks to wait {after:.0f} s"
        elif status not in HOPELESS and 400 <= status < 500 and status != 429:
            raise PromptError(
                f"{given} for this image: {message}",
                "expected an image and a request that the server accepts",
                "leave out the image",
            )
        # The server's message about a wrong key may repeat part of the key, so it is not shown.
        raise InputError(
            given if status == 401 else f"{given}: {message}",
            f"expected a server with the model {self._settings.model} that accepts the key",
            "check OPENAI_BASE_URL, OPENAI_API_KEY, the name of the model and your quota",
        )


class _Pace:
    """Lets callers pass one after the other, at least ``interval`` seconds apart."""

    def __init__(
        self, interval: float, sleep: Callable[[float], None], clock: Callable[[], float]
    ) -> None:
        self._interval, self._sleep, self._clock = interval, sleep, clock
        self._next, self._lock = clock(), threading.Lock()

    def wait(self) -> None:
        """Return when it is this caller's turn."""
        with self._lock:
            now = self._clock()
            turn = max(now, self._next)
            self._next = turn + self._interval
        if turn > now:
            self._sleep(turn - now)


def _request(count: int) -> str:
    text = REQUEST.format(count=count)
    return text.replace("1 different prompts", "1 prompt") if count == 1 else text


def _body(model: str, text: str, image_url: str) -> Json:
    content = [
        {"type": "text", "text": text},
        {"type": "image_url", "image_url": {"url": image_url}},
    ]
    return {"model": model, "messages": [{"role": "user", "content": content}]}


def _data_url(image: Image, side: int) -> str:
    """Return a smaller copy of an image as the URL of a JPEG file."""
    picture = PILImage.fromarray(np.ascontiguousarray(image))
    picture.thumbnail((side, side), PILImage.Resampling.BICUBIC)
    file = io.BytesIO()
    picture.save(file, "JPEG", quality=90)
    return f"data:image/jpeg;base64,{base64.b64encode(file.getvalue()).decode()}"


def _key(image: Image, *texts: str) -> str:
    """Return the SHA-256 of an image and some texts, which names the file of the answer."""
    digest = hashlib.sha256(json.dumps([image.shape, *texts]).encode())
    digest.update(np.ascontiguousarray(image).data)
    return digest.hexdigest()


def _kept(file: Path) -> list[str] | None:
    """Read a kept answer; None where there is none, or none that can be used."""
    try:
        found = json.loads(file.read_bytes())["prompts"]
    except (OSError, ValueError, KeyError, TypeError):
        return None
    usable = isinstance(found, list) and found and all(isinstance(item, str) for item in found)
    return found if usable else None
