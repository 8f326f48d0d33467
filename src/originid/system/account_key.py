"""A secret key of this user account, by which originid knows again what the account itself wrote.

It is 32 random bytes in a file of the user's data folder that only the account may read. What is
signed with it cannot be forged by somebody who cannot read the file.
"""

import hashlib
import hmac
import os
import secrets
from pathlib import Path

from originid.errors import StorageError
from originid.system.small_files import read_small_file
from originid.system.storage import new_file, storage_errors
from originid.system.user_folders import data_folder

SIZE = 32  # bytes of the key
NAME = "account.key"
_BINARY = getattr(os, "O_BINARY", 0)


def key_file() -> Path:
    """Where the key of this account lies, whether it exists or not.

    Raises:
        RuntimeError: the account has no home folder.
    """
    return data_folder() / "originid" / NAME


def account_key() -> bytes | None:
    """The key of this account, or None where none was made yet, or it cannot be read.

    Nothing is written.
    """
    try:
        key = read_small_file(key_file(), SIZE)
    except (OSError, ValueError, RuntimeError):
        return None
    return key if len(key) == SIZE else None


def make_account_key() -> bytes:
    """The key of this account, which is made if there is none.

    Where several processes make it at once, all get the same one.

    Raises:
        StorageError: the key can neither be read nor written.
    """
    key = account_key()
    if key is not None:
        return key
    with storage_errors("the key of this account"):
        try:
            file = key_file()
        except RuntimeError as error:
            raise OSError(str(error)) from error
    with storage_errors(file):
        file.parent.mkdir(mode=0o700, parents=True, exist_ok=True)
        with new_file(file, replace=False) as temporary:
            descriptor = os.open(temporary, os.O_WRONLY | os.O_CREAT | os.O_EXCL | _BINARY, 0o600)
            with open(descriptor, "wb") as opened:
                opened.write(secrets.token_bytes(SIZE))
    key = account_key()
    if key is None:
        raise StorageError(
            f"{file} is not the key of this account",
            f"expected a file of {SIZE} bytes that this account can read",
            "remove it, and run the command again",
        )
    return key


def key_or_reason() -> tuple[bytes | None, str]:
    """The key of this account and an empty text, or None and why it can have none."""
    try:
        return make_account_key(), ""
    except StorageError as error:
        return None, error.given


def signature(key: bytes, *parts: bytes) -> bytes:
    """What only somebody who has a key can compute of some bytes: HMAC-SHA256, 32 bytes.

    Args:
        key: of an account.
        parts: the bytes; other parts have another signature, also if they are the same when joined.
    """
    lengths = "".join(f"{len(part)}:" for part in parts).encode()
    return hmac.digest(key, lengths + b"".join(parts), hashlib.sha256)
