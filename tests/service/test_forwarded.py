"""Addresses that a proxy forwards are believed of one on this machine only."""

import http.client
import json
import sys
from pathlib import Path

import pytest

pytest.importorskip("uvicorn", reason="needs the extra [serve]")

from originid.collection.collection import create_collection
from originid.model import Model
from served_process import served

BURST = 3


def status(port: int, forwarded: str, source: str, host: str = "localhost") -> int:
    connection = http.client.HTTPConnection("127.0.0.1", port, 10, source_address=(source, 0))
    headers = {"X-Forwarded-For": forwarded, "X-Forwarded-Proto": "https", "Host": host}
    connection.request("GET", "/v1/stats", headers=headers)
    found = connection.getresponse().status
    connection.close()
    return found


@pytest.mark.skipif(sys.platform != "linux", reason="needs 127.0.0.2")
def test_a_proxy_elsewhere_cannot_make_up_clients(tmp_path: Path, model: Model) -> None:
    create_collection(tmp_path / "c", model).close()
    limits = tmp_path / "limits.json"
    limits.write_text(json.dumps({"burst": BURST, "rate": 0.01}))
    with served(tmp_path / "c", "--limits", str(limits)) as port:
        # Each client of a proxy on this machine has a rate of its own.
        for client in range(BURST + 2):
            assert status(port, f"198.51.100.{client}", "127.0.0.1") == 200
        # From elsewhere they are all one client, whatever the header says.
        found = [status(port, f"203.0.113.{n}", "127.0.0.2") for n in range(BURST + 2)]
        assert found == [200] * BURST + [429] * 2
        # Without tokens a name that leads through a proxy is refused.
        assert status(port, "198.51.100.9", "127.0.0.1", "photos.example.org") == 421
