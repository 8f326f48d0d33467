"""The encoder that an option of a command names."""

import sys
from typing import TYPE_CHECKING

from originid.system.text import printable

if TYPE_CHECKING:
    from originid.encoders import Encoder


def open_named_encoder(spec: str) -> "Encoder":
    """Open the encoder that an option names, and tell what of it comes from a hub.

    Args:
        spec: the text of the option.

    Raises:
        InputError: a name is unknown or a source cannot be used.
        ExtraError: the encoder's optional packages are not installed.
    """
    from originid.encoders import hub_ids, open_encoder

    for name in hub_ids(spec):
        print(
            f"{printable(name)} is a model of the Hugging Face hub: what is not on this machine "
            "yet is downloaded",
            file=sys.stderr,
        )
    return open_encoder(spec)
