"""What the errors of pymilvus mean for the person who uses a collection."""

from originid.collection.engines.milvus.address import Address
from originid.errors import CollectionError, StorageError
from originid.system.text import shell_command

_NOT_FOUND = 100  # the code of Milvus
_STARTING = ("not loaded", "not ready", "not available", "no available", "recovering")
_AWAY = ("connect", "unavailable", "deadline", "retry")
_FORBIDDEN = ("auth", "permission", "privilege")


def is_coming_back(error: Exception, long: bool) -> bool:
    """Whether the server may do soon what it could not do.

    Args:
        error: of pymilvus.
        long: whether it was tried for two seconds: a server that was only restarted has
            taken up its connections by then.
    """
    text = _text(error).lower()
    return any(word in text for word in _STARTING) or (not long and "fail connecting" in text)


def explained(error: Exception, address: Address) -> StorageError | CollectionError:
    """The error of originid for one of pymilvus."""
    text, server = _text(error), address.uri
    if getattr(error, "code", None) == _NOT_FOUND or "collection not found" in text:
        return no_collection(address)
    if "database" in text.lower() and "not found" in text.lower():
        return StorageError(
            f"the Milvus server at {server} has no database {address.database}: {text}",
            "expected one of its databases, or none",
            "correct the address, or make the database with a tool of Milvus",
        )
    if any(word in text.lower() for word in _FORBIDDEN):
        return StorageError(
            f"the Milvus server at {server} does not let us in: {text}",
            "expected a user who may read and write the collection",
            "set ORIGINID_MILVUS_TOKEN, or ORIGINID_MILVUS_USER and ORIGINID_MILVUS_PASSWORD",
        )
    if any(word in text.lower() for word in _AWAY):
        return StorageError(
            f"the Milvus server at {server} does not answer: {text}",
            f"expected an answer within {address.timeout:g} seconds",
            "see that it runs and can be reached, by ?tls=1 if it asks for TLS, and that "
            "ORIGINID_MILVUS_TOKEN, or ORIGINID_MILVUS_USER and ORIGINID_MILVUS_PASSWORD, say who "
            "you are if it asks for that; then run the command again: what was committed is kept",
        )
    return StorageError(
        f"the Milvus server at {server} refuses: {text}",
        "expected it to do what it was asked",
        "look into its log, then run the command again; what was committed is kept",
    )


def no_collection(address: Address) -> CollectionError:
    """The error for a server that has no collection of a name."""
    return CollectionError(
        f"no collection at {address.shown}",
        "expected one that originid made on this server",
        "make one from a folder of photos: "
        f"{shell_command('index', 'PHOTOS', '--into', address.shown)}",
    )


def _text(error: Exception) -> str:
    """What an error says; of one in connecting what gRPC says, such as that a password is wrong."""
    details = getattr(error.__cause__, "details", None)
    text = details() if callable(details) else getattr(error, "message", error)
    return str(text).partition("\n")[0][:300]
