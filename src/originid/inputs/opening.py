"""What a name stands for: an archive, a list of addresses, an object store, or none of these."""

import os

from originid.errors import InputError
from originid.inputs.kinds import Input
from originid.inputs.manners import POLITE, Manners
from originid.inputs.stores import StoreListing, globbed
from originid.inputs.tar import TarShard
from originid.inputs.url_list import UrlList, WebImage, is_url_list
from originid.system.addresses import is_link, is_url
from originid.system.text import quoted

TAR, PARQUET = ".tar", ".parquet"
LOCAL = ("file://", "local://")
COMPRESSED = (".tar.gz", ".tgz", ".tar.bz2", ".tbz2", ".tar.xz", ".txz", ".tar.zst", ".tzst")


def is_input(name: str) -> bool:
    """Whether a name stands for a source of images that is no image file and no folder.

    Args:
        name: a path or an address.
    """
    if is_url(name):
        return True
    if name.lower().endswith((TAR, PARQUET, *COMPRESSED)):
        return os.path.isfile(name)
    return is_url_list(name)


def open_inputs(name: str, manners: Manners = POLITE) -> list[Input]:
    """Open what a name stands for; it may have ``*`` in it where it names objects of a store.

    Args:
        name: as `is_input` takes it.
        manners: how pictures are fetched from the web.

    Raises:
        InputError: it cannot be used.
        ExtraError: it needs packages that are not installed.
    """
    if is_link(name) and name.lower().endswith((TAR, PARQUET)):
        raise InputError(
            "an archive at an address of the web",
            "expected a file, or an object of a store such as s3://",
            f"fetch it first: curl -O {quoted(name)}",
        )
    if name.lower().endswith(COMPRESSED):
        raise InputError(
            "a compressed tar file", "expected one that is not compressed", "decompress it first"
        )
    if is_link(name):
        return [WebImage(name, manners)]
    if is_url(name) and "::" in name:
        raise InputError(
            "an address in an address",
            "expected that of one object, or of one folder, of a store",
            "fetch the archive first, and unpack it",
        )
    if name.lower().startswith(LOCAL):
        raise InputError(
            "an address of this machine",
            "expected a path, or an address with three slashes such as file:///photos",
            "name the file or the folder by its path",
        )
    if is_url(name):
        return [_of_store(each, manners) for each in (globbed(name) if "*" in name else [name])]
    return [_of_file(name, manners)]


def _of_store(name: str, manners: Manners) -> Input:
    if name.lower().endswith((TAR, PARQUET)):
        return _of_file(name, manners)
    return StoreListing(name)


def _of_file(name: str, manners: Manners) -> Input:
    if name.lower().endswith(TAR):
        return TarShard(name)
    if name.lower().endswith(PARQUET):
        from originid.inputs.parquet import open_parquet  # imports pyarrow

        return open_parquet(name, manners)
    return UrlList(name, manners)
