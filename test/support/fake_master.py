"""Stand-ins for the ROS master and for a node, with real sockets: they answer, refuse, or hang as a stopped program."""

import socket
import threading
from typing import Any, Dict, List, Tuple
from xmlrpc.server import SimpleXMLRPCServer


class FakeMaster:
    """An XML-RPC server that knows nodes, services, topics and parameters, and is a node itself.

    Attributes:
        uri: its address.
        process: the process id that it reports.
    """

    def __init__(self) -> None:
        self.process = 4711
        self.nodes: Dict[str, str] = {}
        self.services: Dict[str, str] = {}
        self.publishers: Dict[str, List[str]] = {}
        self.parameters: Dict[str, Any] = {}
        self.reported_uri = "http://127.0.0.1:1/"
        self._server = SimpleXMLRPCServer(("127.0.0.1", 0), logRequests=False, allow_none=True)
        self.uri = f"http://127.0.0.1:{self._server.server_address[1]}/"
        answers = {
            "getPid": lambda _: (1, "", self.process),
            "getUri": lambda _: (1, "", self.reported_uri),
            "lookupNode": lambda _, name: self._find(self.nodes, name),
            "lookupService": lambda _, name: self._find(self.services, name),
            "getParam": lambda _, name: self._find(self.parameters, name),
            "getSystemState": lambda _: (1, "", self._state()),
        }
        for name, answer in answers.items():
            self._server.register_function(answer, name)
        threading.Thread(target=self._server.serve_forever, args=(0.01,), daemon=True).start()

    @staticmethod
    def _find(table: Dict[str, Any], name: str) -> Tuple[int, str, Any]:
        return (1, "", table[name]) if name in table else (-1, f"unknown: {name}", 0)

    def _state(self) -> List[List[Any]]:
        rosout = ["/rosout", list(self.nodes)]  # every node publishes its log
        return [[rosout, *map(list, self.publishers.items())], [], []]

    def close(self) -> None:
        self._server.shutdown()
        self._server.server_close()


class Hung:
    """Takes connections, as a stopped program does, and never answers."""

    def __init__(self) -> None:
        self.socket = socket.create_server(("127.0.0.1", 0))
        self.port = self.socket.getsockname()[1]
        self.uri = f"http://127.0.0.1:{self.port}/"

    def close(self) -> None:
        self.socket.close()


def nobody() -> str:
    """An address that refuses connections."""
    hung = Hung()
    hung.close()
    return hung.uri.rstrip("/")
