"""Runs the application until it is told to stop."""

import logging
import sys

import uvicorn
from fastapi import FastAPI

from originid.errors import InputError
from originid.service.access import is_loopback
from originid.service.settings import Settings

GRACE = 30  # seconds in which requests that have begun may come to their end
KEEP_ALIVE = 15  # seconds for which an idle connection is kept
MOST_CONNECTIONS = 512  # each takes a descriptor and some memory, also if it says nothing


def refuse_open(host: str, settings: Settings) -> None:
    """Refuse to let everybody in on an address that others can reach.

    Raises:
        InputError: the address is not loopback, and there is no file of tokens.
    """
    if settings.token_file is None and not is_loopback(host):
        raise InputError(
            f"the address {host} without tokens",
            "expected --token-file, as others can reach this address",
            "write a file with lines such as: find TOKEN NAME; and name it by --token-file",
        )


def run(app: FastAPI, host: str, port: int) -> bool:
    """Serve an application, and return when it was told to stop: whether it could start.

    Args:
        app: the application.
        host: the address on which it listens.
        port: the port on which it listens.
    """
    logging.basicConfig(stream=sys.stderr, level=logging.INFO, format="%(message)s")
    config = uvicorn.Config(
        app,
        host=host,
        port=port,
        log_config=None,
        access_log=False,  # it would write addresses with what was asked for
        server_header=False,
        timeout_keep_alive=KEEP_ALIVE,
        timeout_graceful_shutdown=GRACE,
        limit_concurrency=MOST_CONNECTIONS,
        h11_max_incomplete_event_size=65_536,
    )
    server = uvicorn.Server(config)
    server.run()
    return bool(server.started)
