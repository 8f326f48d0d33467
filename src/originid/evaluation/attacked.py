"""Turns attacked images into latents."""

from collections.abc import Callable, Iterable, Iterator, Sequence
from pathlib import Path

from originid.encoders import Encoder
from originid.errors import ImageError
from originid.evaluation.attacks import Attack
from originid.images.decode import decode, read_bytes
from originid.images.lossless import lossless_file
from originid.latents import FileLatent, LatentCache, encode_cached
from originid.latents.encode_files import CHUNK
from originid.latents.sources import Source
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
    """Yield the latents of attacked images, as `encode_paths` does for the files themselves.

    An image is attacked at its own size. The cache keeps the latent of an attacked image under the
    SHA-256 of a lossless file of that image, so it is never mixed up with that of the image itself.

    Args:
        paths: the paths of image files.
        encoder: the encoder, which must be the one that the cache was opened for.
        attack: the attack on each image.
        on_failure: called with each file that cannot be used or attacked.
        progress: called with the number of files that are done and of all files.
        cache: the cache of latents, or None to encode every image.

    Raises:
        InputError: if a latent is too large for the half precision of the cache.
        StorageError: if the cache cannot be written.
    """
    # Attacked images are held as whole files, so only those of one chunk are made at a time.
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
