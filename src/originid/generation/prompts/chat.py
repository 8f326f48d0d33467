"""Prompts from a vision-language model behind the chat completions API of OpenAI.

Many servers have this API: OpenAI, vLLM, Ollama, llama.cpp, LM Studio and most providers. The
request is the paper's (appendix B, figure 11): the image and one sentence.
"""

import base64
import hashlib
import io
import json
import threading
import time
from collections.abc import Callable
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
from originid.generation.prompts.chat_settings import ChatCost, ChatSettings, most_cost
from originid.system.storage import new_file, storage_errors
from originid.system.strict_json import read_json
from originid.types import Image, Json

REQUEST = (
    "I am doing image-to-image translation. Could you think of creative prompts to translate this "
    "image to different ones? Keep them creative, and only return {count} different prompts."
)
LONGEST_WAIT = 600.0  # seconds; a server that asks for more has no quota left, and is not busy
AGAIN = frozenset({408, 409, 425, 429, 500, 502, 503, 504, 529})  # statuses worth another try
HOPELESS = frozenset({401, 402, 403, 404})  # statuses that every image would get


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

    # Pickled for Ray by its settings: a client with open connections cannot travel.
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
        return most_cost(self._settings, images)

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
        # The name of the file is a hash of the pixels, the model and the request: another of them
        # is another question.
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
        # A server may repeat what it was sent, and the key must not be shown.
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
    # The paper's sentence is for several prompts only.
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
        found = read_json(file)["prompts"]
    except (OSError, ValueError, KeyError, TypeError):
        return None
    usable = isinstance(found, list) and found and all(isinstance(item, str) for item in found)
    return found if usable else None
