"""Runs the application until it is told to stop."""

import logging
import os
import socket
import sys
from contextlib import suppress

import uvicorn
from fastapi import FastAPI

from originid.errors import InputError
from originid.service.access import is_loopback
from originid.service.settings import Settings
from originid.system.parallel import one_blas_thread

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


def listen(host: str, port: int) -> socket.socket:
    """A socket that listens on an address.

    Args:
        host: the address, or a name of it.
        port: the port; 0 takes one that is free.

    Raises:
        InputError: the system refuses, such as where another program listens there.
    """
    family = socket.AF_INET6 if ":" in host else socket.AF_INET
    # asyncio lets only sockets that say they are of TCP send small answers at once (TCP_NODELAY).
    listening = socket.socket(family, socket.SOCK_STREAM, socket.IPPROTO_TCP)
    try:
        if os.name == "posix":  # elsewhere it would let two programs listen on one port
            listening.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
        listening.bind((host.strip("[]"), port))
        listening.listen(MOST_CONNECTIONS)
        return listening
    except (OSError, UnicodeError) as error:
        listening.close()
        reason = getattr(error, "strerror", None) or str(error)
        raise InputError(
            f"cannot listen on {host}, port {port}: {reason}",
            "expected an address of this machine, and a port that no other program has",
            "choose another port: --port 8001",
        ) from error


def run(app: FastAPI, listening: socket.socket) -> None:
    """Serve an application, and return when it was told to stop.

    Args:
        app: the application.
        listening: what `listen` gave.
    """
    logging.basicConfig(stream=sys.stderr, level=logging.INFO, format="%(message)s")
    logging.getLogger("uvicorn").setLevel(logging.WARNING)
    config = uvicorn.Config(
        app,
        log_config=None,
        http="h11",  # httptools would be quicker, but bounds neither headers nor lines
        access_log=False,  # it would write addresses with what was asked for
        server_header=False,
        timeout_keep_alive=KEEP_ALIVE,
        timeout_graceful_shutdown=GRACE,
        limit_concurrency=MOST_CONNECTIONS,
        h11_max_incomplete_event_size=65_536,
    )
    # Ctrl-C is how it is stopped. The desk's threads keep all cores busy.
    with suppress(KeyboardInterrupt), one_blas_thread():
        uvicorn.Server(config).run(sockets=[listening])
