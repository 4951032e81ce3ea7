"""The lab's Databricks as servers: python -m lab.databricks.server --world FILE.yml. All that it keeps is in memory."""

from __future__ import annotations

import argparse
import signal
import threading
from pathlib import Path

from werkzeug.serving import WSGIRequestHandler, make_server

from . import account, lab_routes, unity_catalog, world
from .api import Context, Host
from .endpoints import InMemoryEndpoints
from .state import State

ADDRESS = "127.0.0.1"


class Quiet(WSGIRequestHandler):
    def log_request(self, *_):
        """Calls are recorded, not printed."""


class Server:
    """One port, in a thread of its own."""

    def __init__(self, app, port: int):
        self.server = make_server(ADDRESS, port, app, threaded=True, request_handler=Quiet)
        self.server.daemon_threads = True
        self.url = f"http://{ADDRESS}:{self.server.server_port}"
        self.thread = threading.Thread(target=self.server.serve_forever, kwargs={"poll_interval": 0.02}, daemon=True)
        self.thread.start()

    def stop(self):
        self.server.shutdown()  # closes its socket, too
        self.thread.join()


class StandIn:
    """The account's host, the workspaces', and the lab's own."""

    def __init__(self, given: world.World, endpoints):
        self.world = given
        self.endpoints = endpoints
        self.state = State(given, endpoints)
        self.context = Context(given, self.state)
        self.faults, self.requests = self.context.faults, self.context.requests
        self.servers = []
        try:
            self.account_url = self._serve(Host(account.make(self.context), self.context), given.account_port)
            self.workspace_urls = {
                name: self._serve(Host(unity_catalog.make(self.context, name), self.context), workspace.port)
                for name, workspace in given.workspaces.items()
            }
            self.lab_url = self._serve(lab_routes.make(self.state), given.lab_port)
        except BaseException:
            self.stop()
            raise

    def _serve(self, app, port: int) -> str:
        self.servers.append(Server(app, port))
        return self.servers[-1].url

    def stop(self):
        for server in self.servers:
            server.stop()


def start(given: world.World | None = None, endpoints=None) -> StandIn:
    """Start a stand-in in threads of this process, and return it; its stop() ends it.

    endpoints: what makes the VPC endpoints of rules, by create(endpoint_service), state(id) and delete(id); in memory
    where it is left out.
    """
    return StandIn(given or world.World(), endpoints or InMemoryEndpoints())


def main():
    parser = argparse.ArgumentParser(prog="python -m lab.databricks.server", description=__doc__.partition("\n")[0])
    parser.add_argument(
        "--world", type=Path, metavar="FILE.yml", help="what there is at first (lab/databricks/world.py)"
    )
    parser.add_argument("--aws-endpoint-url", metavar="URL", help="where VPC endpoints are made; else only in memory")
    options = parser.parse_args()
    endpoints = None
    if options.aws_endpoint_url:
        from .private_link import VpcEndpoints

        endpoints = VpcEndpoints(options.aws_endpoint_url)
    ended = threading.Event()
    for number in (signal.SIGTERM, signal.SIGINT):
        signal.signal(number, lambda *_: ended.set())
    stand_in = start(world.read(options.world) if options.world else None, endpoints)
    print(f"account {stand_in.account_url}")
    for name, url in stand_in.workspace_urls.items():
        print(f"workspace {name} {url}")
    print(f"lab {stand_in.lab_url}", flush=True)
    ended.wait()
    stand_in.stop()


if __name__ == "__main__":
    main()
