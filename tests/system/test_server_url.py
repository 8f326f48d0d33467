"""The URL of a collection on a server shows nothing that is secret."""

from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from originid.collection.stores import place_of
from originid.system.server_url import ServerUrl, is_server_url
from originid.system.text import shell_command

SECRET = "s3cr3t-Wort"


@pytest.mark.parametrize(
    ("url", "shown"),
    [
        ("postgresql://me@db:5432/x?collection=a", "postgresql://me@db:5432/x?collection=a"),
        (f"postgresql://me:{SECRET}@db/x", "postgresql://me@db/x"),
        (f"postgresql://db/x?user=me&password={SECRET}", "postgresql://db/x?user=me"),
        (
            f"postgresql://db/x?sslmode=require&sslpassword={SECRET}",
            "postgresql://db/x?sslmode=require",
        ),
        (
            f"milvus://root:{SECRET}@[::1]:19530/photos?TOKEN={SECRET}",
            "milvus://root@[::1]:19530/photos",
        ),
        (f"postgresql://me:{SECRET}@[db/x", "postgresql://me@[db/x"),
        (f"postgresql://me:?{SECRET}@db/x", "postgresql://"),
        (f"postgresql://db/x?a=1&%70assword={SECRET}#x", "postgresql://db/x?a=1"),
        (f"postgresql://me:{SECRET}/@db/x", "postgresql://me@db/x"),
    ],
)
def test_what_is_secret_is_not_shown(url: str, shown: str) -> None:
    place = ServerUrl(url)
    assert SECRET not in f"{place} {place!r} {shell_command('show', place)}"
    assert str(place) == shown


@given(st.text(st.characters(codec="utf-8"), min_size=1))
def test_a_name_is_a_folder_or_a_url(name: str) -> None:
    place = place_of(name)
    assert isinstance(place, ServerUrl) == is_server_url(name)
    assert isinstance(place, ServerUrl | Path)


def test_a_scheme_is_read_in_any_case() -> None:
    assert place_of("PostgreSQL://h/d") == ServerUrl("PostgreSQL://h/d")
    assert ServerUrl("PostgreSQL://h/d").scheme == "postgresql"
    assert isinstance(place_of("photos/postgresql://"), Path)
