"""Content credentials (C2PA): what a file says, under a signature, of how it was made.

They are read in a process of its own, which has little time and memory: the file may come from a
stranger. Nothing is fetched from anywhere, neither manifests nor the state of certificates.
"""

import io
import json
import os
import subprocess
import sys
from dataclasses import dataclass
from importlib.util import find_spec
from typing import Any

from originid.errors import ExtraError
from originid.images.limits import LIMITS
from originid.images.manifest_store import manifest_store

MARKS = (b"c2pa", b"dcterms:provenance")  # every file with credentials has one of these
SECONDS = 20.0  # with the start of Python; reading takes some milliseconds
MEMORY = 3_000_000_000  # bytes of address space; the library alone takes 24 MB, Python more
MOST_TEXT = 200  # characters of a text that a file states
MOST_TEXTS = 20  # actions or sources of a file
MOST_OUTPUT = 20_000_000  # bytes of a manifest as JSON
PROGRAM = (
    "import sys; sys.path[:] = {path!r}; from originid.images.credentials import serve; serve()"
)
SETTINGS = {"verify": {"remote_manifest_fetch": False, "ocsp_fetch": False}}
GENERATED = ("trainedAlgorithmicMedia", "compositeWithTrainedAlgorithmicMedia")
CAMERA = ("digitalCapture", "computationalCapture")
UNREADABLE = {"state": "unreadable"}
_SOURCES = "digitalsourcetype/"


@dataclass(frozen=True)
class Credentials:
    """What the content credentials of one file say.

    Args:
        state: "valid": the signature fits the file; "invalid": it does not; "elsewhere": the file
            only names a place where they lie; "unreadable": they are damaged.
        title: the name that they give the picture, or "".
        generator: the program that wrote them, or "".
        issuer: whose certificate signed them, or "".
        signed_at: the time that the signature states, or "".
        actions: what was done to the picture, such as ``c2pa.created``.
        sources: the last words of the IPTC terms for where it comes from, such as
            ``trainedAlgorithmicMedia``, which is a picture that a model made.
        problems: codes of what did not hold, such as ``assertion.dataHash.mismatch``.
        label: the identifier of the active manifest, if `manifest_store` finds the store that was
            read; otherwise "".
    """

    state: str
    title: str = ""
    generator: str = ""
    issuer: str = ""
    signed_at: str = ""
    actions: tuple[str, ...] = ()
    sources: tuple[str, ...] = ()
    problems: tuple[str, ...] = ()
    label: str = ""

    @property
    def sentence(self) -> str:
        """What they say and what that is worth, in plain words."""
        if self.state == "elsewhere":
            return (
                "The file names a place on the network where its content credentials lie. "
                "originid did not ask there, so they say nothing here."
            )
        if self.state == "unreadable":
            return "The file has content credentials that are damaged. They say nothing."
        if self.state == "invalid":
            return (
                "The file has content credentials, but their signature does not fit it: it was "
                "changed after it was signed, or they belong to another file. Do not rely on them."
            )
        return f"{_made(self.sources)} {_WORTH.format(issuer=self.issuer or 'somebody')}"


_WORTH = (
    "The signature of {issuer} fits the file, so nobody changed it since. It does not prove that "
    "the signer is who they say, because originid keeps no list of trusted signers, nor that what "
    "they signed is true."
)


def _made(sources: tuple[str, ...]) -> str:
    if any(source in GENERATED for source in sources):
        return "The signer says that a generative model made this picture, or a part of it."
    if any(source in CAMERA for source in sources):
        return "The signer says that a camera took this picture."
    return "The signer does not say whether a model or a camera made this picture."


def can_read_credentials() -> bool:
    """Whether the extra that reads content credentials is installed."""
    return bool(sys.executable) and find_spec("c2pa") is not None


def read_credentials(data: bytes) -> Credentials | None:
    """Read the content credentials of an image file.

    Args:
        data: the bytes of the file.

    Returns:
        What they say; None if the file has none, or is larger than any image that is read.

    Raises:
        ExtraError: the extra is not installed.
    """
    if not can_read_credentials():
        raise ExtraError("reading content credentials", "c2pa")
    if len(data) > LIMITS.max_bytes or not any(mark in data for mark in MARKS):
        return None
    try:
        done = subprocess.run(
            [sys.executable, "-I", "-c", PROGRAM.format(path=sys.path)],
            input=data,
            stdout=subprocess.PIPE,
            stderr=subprocess.DEVNULL,
            timeout=SECONDS,
            check=False,
            env=os.environ | {"OPENBLAS_NUM_THREADS": "1", "OMP_NUM_THREADS": "1"},
        )
        said: Any = json.loads(done.stdout) if done.returncode == 0 else UNREADABLE
    except (subprocess.TimeoutExpired, OSError, ValueError):
        said = UNREADABLE
    if said is None:
        return None
    fields: dict[str, Any] = {k: tuple(v) if isinstance(v, list) else v for k, v in said.items()}
    return Credentials(**fields)


def serve() -> None:
    """Read the file on standard input, and write what its credentials say to standard output."""
    _limit_memory()
    sys.stdout.write(json.dumps(_read(sys.stdin.buffer.read())))


def _read(data: bytes) -> dict[str, Any] | None:
    import c2pa

    try:
        context = c2pa.Context.from_dict(SETTINGS)
        reader = c2pa.Reader.try_create(io.BytesIO(data), context=context)
        text = "" if reader is None else reader.json()
        label = _label(reader, data, context) if text else ""
    except c2pa.C2paError.NotSupported:
        return None  # a format that cannot carry any
    except c2pa.C2paError as error:  # what lies elsewhere is told by the first word alone
        return {"state": "elsewhere"} if str(error).startswith("Remote") else UNREADABLE
    if not text:
        return None
    if len(text) > MOST_OUTPUT:
        return UNREADABLE
    return summary(json.loads(text)) | {"label": label}


def _label(reader: Any, data: bytes, context: Any) -> str:
    """The label of the active manifest, if what was read is the store that we find in the file.

    Otherwise a file could show one store to the library, which checks it, and another one to us.
    """
    import c2pa

    store = manifest_store(data)
    if store is None:
        return ""
    read = json.loads(reader.detailed_json())
    try:
        alone = c2pa.Reader("application/c2pa", io.BytesIO(store), context=context)
        found = json.loads(alone.detailed_json())
    except c2pa.C2paError:
        return ""
    same = all(read.get(key) == found.get(key) for key in ("active_manifest", "manifests"))
    return _text(read.get("active_manifest")) if same else ""


def summary(store: dict[str, Any]) -> dict[str, Any]:
    """The fields of `Credentials` from a manifest store, as the library writes it in JSON.

    Args:
        store: of the file; its texts may be anything.
    """
    manifests = _object(store.get("manifests"))
    active = _object(manifests.get(_text(store.get("active_manifest"))))
    state = "valid" if store.get("validation_state") in ("Valid", "Trusted") else "invalid"
    signature = _object(active.get("signature_info"))
    generators = [_object(each) for each in _list(active.get("claim_generator_info"))]
    names = [f"{_text(each.get('name'))} {_text(each.get('version'))}" for each in generators]
    actions = [
        _object(action)
        for assertion in map(_object, _list(active.get("assertions")))
        if _text(assertion.get("label")).startswith("c2pa.actions")
        for action in _list(_object(assertion.get("data")).get("actions"))
    ]
    sources = [_text(each.get("digitalSourceType")) for each in actions]
    problems = [_text(_object(each).get("code")) for each in _list(store.get("validation_status"))]
    return {
        "state": state,
        "title": _text(active.get("title")),
        "generator": ", ".join(filter(None, map(str.strip, names)))[:MOST_TEXT]
        or _text(active.get("claim_generator")),
        "issuer": _text(signature.get("issuer")),
        "signed_at": _text(signature.get("time")),
        "actions": _few(_text(each.get("action")) for each in actions),
        "sources": _few(each.rpartition(_SOURCES)[2] for each in sources),
        "problems": _few(problems),
        "label": "",
    }


def _few(texts: Any) -> list[str]:
    """Texts without empty ones and repetitions, at most `MOST_TEXTS`."""
    return list(dict.fromkeys(filter(None, texts)))[:MOST_TEXTS]


def _text(value: object) -> str:
    return value[:MOST_TEXT] if isinstance(value, str) else ""


def _list(value: object) -> list[Any]:
    return value if isinstance(value, list) else []


def _object(value: object) -> dict[str, Any]:
    return value if isinstance(value, dict) else {}


def _limit_memory() -> None:
    try:
        import resource
    except ImportError:  # Windows
        return
    resource.setrlimit(resource.RLIMIT_AS, (MEMORY, MEMORY))
