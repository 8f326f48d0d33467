"""The latents of files, encoded on a Ray cluster into a cache on this machine."""

from collections.abc import Sequence
from pathlib import Path

import numpy as np

from originid.collection.encoding import Wanted
from originid.encoders import Encoder
from originid.inputs.pieces import PIECE, Piece
from originid.latents import LatentCache
from originid.latents.encode_files import Encoded
from originid.latents.sources import Source
from originid.scale.on_ray import parts_on_ray
from originid.scale.packed import NamedEncoder
from originid.system.progress import Progress, silent


def fill_cache(
    cache: LatentCache, paths: Sequence[Path], encoder: Encoder, progress: Progress = silent
) -> None:
    """Encode files whose content is not in a cache yet; a `FillCache`.

    Files that cannot be used are passed over: whoever reads the cache afterwards reports them.

    Args:
        cache: where the latents go; only this process writes to it.
        paths: of the files, which must be the same on every machine.
        encoder: the encoder that the cache was opened for.
        progress: called with the number of files that are done and of all files.

    Raises:
        InputError: there is no cluster at ``RAY_ADDRESS``.
        OriginidError: a worker cannot use the encoder, the workers die, or the disk refuses.
    """
    sources = tuple(Source(str(path)) for path in paths)
    pieces = (Piece(sources[at : at + PIECE]) for at in range(0, len(sources), PIECE))
    wanted, packed, done = Wanted(contents=False), NamedEncoder(encoder.spec), 0
    for part in parts_on_ray(pieces, packed, wanted, cache.keys, lambda failure: None):
        entries = {each.sha256: each for each in part.entries if isinstance(each, Encoded)}
        new = {content: entry for content, entry in entries.items() if content not in cache}
        if new:
            cache.add(list(new), np.stack([entry.latent for entry in new.values()]))
        done += len(part.entries)
        progress(done, len(sources))
