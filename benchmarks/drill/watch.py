"""What the load balancer sees and does: the proxies' health each 50 ms, its own servers each 100 ms.

Runs in the load balancer's network, and writes one JSON record a line until its standard input ends.
"""

from __future__ import annotations

import csv
import http.client
import json
import os
import socket
import sys
import threading
import time

from benchmarks.drill.load import emit

HEALTH_INTERVAL = 0.05
BALANCER_INTERVAL = 0.1
TIMEOUT = 1


def look_at_health(proxy: str, address: str, port: int) -> None:
    while True:
        start = time.monotonic()
        connection = http.client.HTTPConnection(address, port, timeout=TIMEOUT)
        try:
            connection.request("GET", "/healthz")
            status = connection.getresponse().status
        except (OSError, http.client.HTTPException):
            status = 0
        finally:
            connection.close()
        emit("health", proxy=proxy, t=time.monotonic(), status=status)
        time.sleep(max(0, start + HEALTH_INTERVAL - time.monotonic()))


def ask_balancer(path: str, command: str) -> str:
    """One command on HAProxy's admin socket."""
    with socket.socket(socket.AF_UNIX) as connection:
        connection.settimeout(2)
        connection.connect(path)
        connection.sendall(f"{command}\n".encode())
        return b"".join(iter(lambda: connection.recv(65536), b"")).decode()


def servers(path: str) -> dict[str, bool]:
    """Which servers it sends to. "UP 1/2" still gets connections, "DOWN 1/2" not yet."""
    rows = csv.DictReader(ask_balancer(path, "show stat").lstrip("# ").splitlines())
    return {
        f"{row['pxname']}/{row['svname']}": row["status"].startswith("UP")
        for row in rows
        if row["svname"] not in ("FRONTEND", "BACKEND")
    }


def look_at_balancer(path: str) -> None:
    last = None
    while True:
        try:
            now = servers(path)
        except OSError:
            now = last
        if now != last:
            emit("balancer", t=time.monotonic(), servers=now)
            last = now
        time.sleep(BALANCER_INTERVAL)


def main() -> None:
    options = json.loads(sys.argv[1])
    for proxy, address in options["proxies"].items():
        threading.Thread(target=look_at_health, args=(proxy, address, options["port"]), daemon=True).start()
    threading.Thread(target=look_at_balancer, args=(options["socket"],), daemon=True).start()
    sys.stdin.read()
    os._exit(0)


if __name__ == "__main__":
    main()
