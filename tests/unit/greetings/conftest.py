# Copyright (c) 2026 The lakehouse.onprem_tunnel authors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Servers of a few lines that behave well or badly, each in its own thread."""

from __future__ import annotations

import socket
import threading

import pytest


class Server:
    """Accepts on loopback and gives every connection to a function; keeps what the function returns."""

    def __init__(self, behave):
        self.behave = behave
        self.saw = []
        self.stopped = threading.Event()
        self.listener = socket.create_server(("127.0.0.1", 0))
        self.port = self.listener.getsockname()[1]
        threading.Thread(target=self._accept, daemon=True).start()

    def _accept(self):
        while True:
            try:
                connection, _peer = self.listener.accept()
            except OSError:
                return
            threading.Thread(target=self._serve, args=(connection,), daemon=True).start()

    def _serve(self, connection):
        with connection:
            connection.settimeout(5)
            try:
                self.saw.append(self.behave(connection, self.stopped))
            except OSError as error:
                self.saw.append(error)

    def stop(self):
        self.stopped.set()
        self.listener.close()


@pytest.fixture
def serve():
    """Return a function that starts a server with the given behaviour."""
    servers = []

    def start(behave):
        servers.append(Server(behave))
        return servers[-1]

    yield start
    for server in servers:
        server.stop()
