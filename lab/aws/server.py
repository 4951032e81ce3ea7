"""The lab's AWS as a server: python -m lab.aws.server --host 127.0.0.1 --port 5555. It keeps its state in memory."""

import argparse
import logging
import signal
import socket
import threading

from moto.server import ThreadedMotoServer

from . import install


def start(host="127.0.0.1", port=5555):
    """Start the server in a thread of its own, and return it; its stop() ends it. Port 0 takes a free one."""
    with socket.socket() as probe:  # moto's server would wait for ever for a port that is taken
        probe.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
        probe.bind((host, port))
    install()
    logging.getLogger("werkzeug").setLevel(logging.ERROR)
    server = ThreadedMotoServer(host, port, verbose=False)
    server.start()
    return server


def main():
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--host", default="127.0.0.1")
    parser.add_argument("--port", type=int, default=5555)
    arguments = parser.parse_args()
    ended = threading.Event()
    for number in (signal.SIGTERM, signal.SIGINT):
        signal.signal(number, lambda *_: ended.set())
    server = start(arguments.host, arguments.port)
    ended.wait()
    server.stop()


if __name__ == "__main__":
    main()
