"""Attacked images to latents."""

from collections.abc import Callable, Iterable, Iterator, Sequence
from pathlib import Path

from originid.encoders import Encoder
from originid.errors import ImageError
from originid.evaluation.attacks import Attack
from originid.images.decode import decode, lossless_file, read_bytes
from originid.latents import FileLatent, LatentCache, encode_cached
from originid.latents.encode_files import CHUNK, Source
from originid.system.progress import Progress, silent
from originid.types import Failure


def encode_attacked(
    paths: Sequence[Path],
    encoder: Encoder,
    attack: Attack,
    on_failure: Callable[[Failure], None],
    progress: Progress = silent,
    cache: LatentCache | None = None,
) -> Iterator[list[FileLatent]]:
    """Latents of attacked images, as `encode_paths` gives those of the files themselves.

    An image is attacked at its own size. A cache keeps what that makes under its own SHA-256: that
    of the attacked image as a file without loss.
    """
    # Chunk by chunk, as whole images are held.
    for start in range(0, len(paths), CHUNK):
        sources = _attacked(paths[start : start + CHUNK], attack, on_failure)
        for chunk in encode_cached(sources, encoder, cache):
            for entry in chunk:
                if isinstance(entry, Failure):
                    on_failure(entry)
            yield [entry for entry in chunk if isinstance(entry, FileLatent)]
        progress(min(start + CHUNK, len(paths)), len(paths))


def _attacked(
    paths: Iterable[Path], attack: Attack, on_failure: Callable[[Failure], None]
) -> Iterator[Source]:
    for path in paths:
        try:
            image = attack.apply(decode(read_bytes(path)).image)
        except ImageError as error:
            on_failure(Failure(str(path), error.reason))
            continue
        yield Source(str(path), lossless_file(image))
