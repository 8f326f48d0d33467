"""The API keeps to its own description, whatever is sent to it; first of all, it never fails."""

import json
import subprocess
import sys
from pathlib import Path

import pytest

pytest.importorskip("schemathesis", reason="needs schemathesis, of the extra [dev]")
pytest.importorskip("uvicorn", reason="needs the extra [serve]")

from fastapi.testclient import TestClient

from originid.collection.adding import store_images
from originid.collection.collection import create_collection
from originid.model import Model
from originid.testing import write_photos
from served_process import served

LIMITS = {"rate": 1e6, "burst": 10**6, "waiting": 1000}
TOKEN = "t" * 24
# Left out are two that say what a request with sound values must get: a picture of random bytes has
# a sound form, and is refused.
CHECKS = (
    "not_a_server_error",
    "status_code_conformance",
    "content_type_conformance",
    "response_headers_conformance",
    "response_schema_conformance",
    "negative_data_rejection",
    "unsupported_method",
    "ignored_auth",
)
EXAMPLES = 15  # of each route


def test_every_route_answers_as_it_is_described(tmp_path: Path, model: Model) -> None:
    with create_collection(tmp_path / "c", model) as collection:
        store_images(collection, write_photos(tmp_path / "photos", 4))
    limits, tokens = tmp_path / "limits.json", tmp_path / "tokens"
    limits.write_text(json.dumps(LIMITS))
    tokens.write_text(f"admin {TOKEN}\n")
    tokens.chmod(0o600)
    options = ("--limits", str(limits), "--token-file", str(tokens))
    with served(tmp_path / "c", *options) as port:
        program = [sys.executable, "-m", "schemathesis.cli", "run", "--no-color", "--seed=1"]
        done = subprocess.run(
            [
                *program,
                f"http://127.0.0.1:{port}/openapi.json",
                f"--header=Authorization: Bearer {TOKEN}",
                f"--checks={','.join(CHECKS)}",
                f"--max-examples={EXAMPLES}",
                "--phases=examples,coverage,fuzzing",
                "--generation-database=none",
            ],
            cwd=tmp_path,
            capture_output=True,
            text=True,
            timeout=120,
        )
    assert done.returncode == 0, done.stdout[-8000:] + done.stderr[-2000:]
    assert "Tested: 22" in done.stdout


def test_each_operation_has_a_name_that_a_program_can_use(client: TestClient) -> None:
    paths = client.get("/openapi.json").json()["paths"]
    names = [operation["operationId"] for path in paths.values() for operation in path.values()]
    assert len(names) == len(set(names))
    assert {"find", "explain", "add", "decide", "by_content"} <= set(names)
    assert all(name.isidentifier() for name in names)
