"""Lists of addresses: pictures are fetched once, politely, and from the internet only."""

import threading
import time
from collections import Counter
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

from local_web import Web
from originid.collection.adding import store_images
from originid.collection.collection import Collection
from originid.errors import ImageError, UsageError
from originid.images.decode import no_limit
from originid.images.limits import LIMITS
from originid.inputs.manners import FromWeb, Host, Manners, read_manners
from originid.inputs.opening import is_input, open_inputs
from originid.inputs.url_list import UrlList, is_url_list
from originid.types import Description, Failure

WritePhotos = Callable[..., list[Path]]
LOCAL = Manners(private=True)


def fetch(url: str, manners: Manners = LOCAL) -> bytes:
    return FromWeb(url, manners)(LIMITS, no_limit)


def urls(path: Path) -> tuple[list[str], list[Failure]]:
    failures: list[Failure] = []
    return [source.name for source in UrlList(str(path), LOCAL).listed(failures.append)], failures


def test_the_pictures_of_a_list_are_fetched_once(
    collection: Collection, web: Web, write_photos: WritePhotos, tmp_path: Path
) -> None:
    asked: Counter[str] = Counter()

    def answering(photo: Path) -> Callable[[Any], None]:
        def answer(handler: Any) -> None:
            asked[handler.path] += 1
            handler.give(200, photo.read_bytes())

        return answer

    photos = write_photos(3)
    port = web({f"/{number}.png": answering(photo) for number, photo in enumerate(photos)})
    base = f"http://127.0.0.1:{port}"
    table = tmp_path / "list.csv"
    table.write_text(
        f"URL,caption,licence\n{base}/0.png,first,CC0\n{base}/1.png,,\n{base}/none.png,,\n"
    )
    added = store_images(collection, [table], manners=LOCAL)
    assert added.added == 2
    assert [(each.path, each.reason.partition(";")[0]) for each in added.failures] == [
        (f"{base}/none.png", "the address answers with status 404")
    ]
    row = collection.database.at(f"{base}/0.png")
    assert row is not None
    assert collection.database.descriptions([row.id])[row.id] == Description("first", "", "CC0")
    text = tmp_path / "list.txt"
    text.write_text(f"\n{base}/0.png\r\n{base}/2.png")
    again = store_images(collection, [table, text], manners=LOCAL)
    assert (again.added, again.unchanged, len(again.failures)) == (1, 3, 1)
    assert asked == {"/0.png": 1, "/1.png": 1, "/2.png": 1}
    assert store_images(collection, [f"{base}/2.png"], manners=LOCAL).unchanged == 1
    assert collection.remove([f"{base}/2.png"]) == []


def test_private_networks_are_not_reached(
    collection: Collection, web: Web, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    port = web({"/a.png": lambda handler: pytest.fail("it was asked")})
    listed = tmp_path / "list.txt"
    listed.write_text(
        f"http://127.0.0.1/a.png\nhttp://localhost:{port}/a.png\nhttp://10.0.0.1/a.png\n"
    )
    added = store_images(collection, [listed])
    assert added.added == 0
    assert [each.reason.partition(";")[0] for each in added.failures] == [
        "an address of a private network",
        f"an address with the port {port}",
        "an address of a private network",
    ]


def test_what_lists_may_hold(tmp_path: Path) -> None:
    listed = tmp_path / "list.txt"
    listed.write_bytes(
        b"\xef\xbb\xbfhttps://a.org/1.jpg\n"
        b"file:///etc/passwd\nlocal://etc/passwd\nftp://a.org/x.jpg\n/etc/passwd\n"
        b"https://a.org/with space.jpg\nhttps://a.org/\x1b[31m.jpg\n"
        b"https://a.org/" + b"x" * 100_000 + b"\n"
        b"https://user@a.org/2.jpg\nHTTPS://a.org/3.jpg\n\n"
    )
    found, failures = urls(listed)
    assert found == ["https://a.org/1.jpg", "https://user@a.org/2.jpg", "HTTPS://a.org/3.jpg"]
    assert [each.path for each in failures] == [f"{listed}, line {n}" for n in range(2, 9)]
    with pytest.raises(ImageError, match="not of the web"):
        fetch("https://user@a.org/2.jpg", Manners())


def test_which_files_are_lists(tmp_path: Path) -> None:
    kinds = {
        "urls.txt": ("https://a.org/1.jpg\n", True),
        "notes.txt": ("see https://a.org/1.jpg\n", False),
        "empty.txt": ("", False),
        "table.csv": ("caption,Url\nx,https://a.org/1.jpg\n", True),
        "other.csv": ("link\nhttps://a.org/1.jpg\n", True),
        "urls.lst": ("https://a.org/1.jpg\n", False),
    }
    for name, (text, is_list) in kinds.items():
        (tmp_path / name).write_text(text)
        assert (name, is_url_list(str(tmp_path / name))) == (name, is_list)
    assert not is_url_list(str(tmp_path / "missing.txt"))
    assert is_input("s3://bucket/a.jpg")
    assert not is_input(str(tmp_path))


@pytest.mark.parametrize(
    ("name", "reason"),
    [
        ("https://a.org/0.tar", "an archive at an address of the web"),
        ("shards.tar.gz", "a compressed tar file"),
        ("links.csv", "a table without a column url"),
        ("gzip.tar", "a compressed tar file"),
    ],
)
def test_what_is_no_input_has_a_reason(
    collection: Collection, tmp_path: Path, name: str, reason: str
) -> None:
    if "://" not in name:
        (tmp_path / name).write_bytes(b"link,name\n" if name.endswith(".csv") else b"\x1f\x8b")
        name = str(tmp_path / name)
    (failure,) = store_images(collection, [name]).failures
    assert failure.reason.startswith(reason)


def test_a_host_that_asks_for_a_pause_gets_it(web: Web) -> None:
    answers = [
        lambda handler: handler.give(429, b"", Retry_After="0"),
        lambda handler: handler.give(503, b"", Retry_After="x"),
        lambda handler: handler.give(200, b"picture"),
    ]
    port = web({"/a.png": lambda handler: answers.pop(0)(handler), "/no": (403, b"")})
    begun = time.monotonic()
    assert fetch(f"http://127.0.0.1:{port}/a.png") == b"picture"
    assert 2.0 <= time.monotonic() - begun < 6.0  # 2 seconds after the second try
    begun = time.monotonic()
    with pytest.raises(ImageError, match="status 403"):
        fetch(f"http://127.0.0.1:{port}/no")
    assert time.monotonic() - begun < 1.0


def test_robots_are_heeded(web: Web) -> None:
    robots = b"User-agent: originid\nDisallow: /private\nCrawl-delay: 1\n"
    agents: list[str] = []

    def picture(handler: Any) -> None:
        agents.append(handler.headers["User-Agent"])
        handler.give(200, b"picture")

    port = web({"/robots.txt": (200, robots), "/a.png": picture, "/private/a.png": picture})
    base = f"http://127.0.0.1:{port}"
    manners = Manners(private=True, contact="archive@example.org")
    with pytest.raises(ImageError, match=r"robots\.txt"):
        fetch(f"{base}/private/a.png", manners)
    assert not agents
    fetch(f"{base}/a.png", manners)
    begun = time.monotonic()
    fetch(f"{base}/a.png", manners)
    assert time.monotonic() - begun > 0.9  # a second after the one before began
    assert agents[0].startswith("originid/")
    assert "archive@example.org" in agents[0]
    assert fetch(f"{base}/private/a.png", Manners(private=True, robots=False)) == b"picture"
    failing = web({"/robots.txt": (500, b""), "/a.png": picture})
    with pytest.raises(ImageError, match=r"robots\.txt"):
        fetch(f"http://127.0.0.1:{failing}/a.png")


def test_connections_and_delay(web: Web) -> None:
    lock, now, most = threading.Lock(), [0], [0]

    def slow(handler: Any) -> None:
        with lock:
            now[0] += 1
            most[0] = max(most[0], now[0])
        time.sleep(0.1)
        with lock:
            now[0] -= 1
        handler.give(200, b"picture")

    port = web({"/a.png": slow})
    for connections, delay, seconds in ((2, 0.0, 0.4), (8, 0.1, 0.7)):
        most[0] = 0
        manners = Manners(private=True, robots=False, connections=connections, delay=delay)
        arguments = f"http://127.0.0.1:{port}/a.png", manners
        threads = [threading.Thread(target=fetch, args=arguments) for _ in range(8)]
        begun = time.monotonic()
        for thread in threads:
            thread.start()
        for thread in threads:
            thread.join()
        assert most[0] <= connections
        assert time.monotonic() - begun >= seconds


def test_a_picture_may_be_too_large_or_too_slow(web: Web) -> None:
    def drips(handler: Any) -> None:
        handler.give(200, b"")
        for _ in range(50):
            handler.wfile.write(b"x")
            time.sleep(0.1)

    port = web({"/large": (200, b"x" * 200_000), "/drips": drips})
    small = Manners(private=True, megabytes=0.1)
    with pytest.raises(ImageError, match="more than 100,000 bytes"):
        fetch(f"http://127.0.0.1:{port}/large", small)
    host = Manners(private=True, seconds=0.3, robots=False)
    with pytest.raises(ImageError, match="too long"):
        fetch(f"http://127.0.0.1:{port}/drips", host)


def test_a_picture_of_which_only_a_part_comes_is_asked_for_again(
    web: Web, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(Host, "rest", lambda host, seconds: None)

    def broken(handler: Any) -> None:
        handler.give(200, b"pic", Content_Length="7")

    def whole(handler: Any) -> None:
        handler.give(200, b"picture", Content_Length="7")

    answers = [broken, whole]
    port = web({"/a.png": lambda handler: answers.pop(0)(handler), "/short": broken})
    assert fetch(f"http://127.0.0.1:{port}/a.png") == b"picture"
    with pytest.raises(ImageError, match="ends after 3 of 7 bytes"):
        fetch(f"http://127.0.0.1:{port}/short")


def test_manners_are_read_and_shared() -> None:
    read = read_manners("delay=1.5, connections=4,robots=no,contact=me@example.org,private=yes")
    assert read == Manners(30.0, 50.0, 4, 1.5, False, "me@example.org", True)
    assert read_manners("") == Manners()
    assert read.shared_by(8) == Manners(30.0, 50.0, 1, 12.0, False, "me@example.org", True)
    for wrong in ("delay=-1", "speed=1", "connections=0", "connections=1.5", "robots=maybe",
                  "seconds=0", "seconds=nan", "contact=", "contact=a\r\nb", "delay"):  # fmt: skip
        with pytest.raises(UsageError, match="--fetch"):
            read_manners(wrong)


def test_a_web_address_is_one_input() -> None:
    (found,) = open_inputs("https://a.org/1.jpg")
    failures: list[Failure] = []
    assert [each.name for each in found.listed(failures.append)] == ["https://a.org/1.jpg"]  # type: ignore[union-attr]
