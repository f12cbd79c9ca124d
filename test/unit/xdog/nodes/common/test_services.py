"""A service is called in time or never, even if a hung program recovers."""

import socket
import struct
import threading
from typing import Callable, Iterator, List

import pytest
import rosgraph.network
from fake_master import FakeMaster, Hung, refused_uri
from std_srvs.srv import Trigger, TriggerResponse

from xdog.nodes.common.master import NoAnswerError
from xdog.nodes.common.services import call_trigger

LONG, SHORT = 5.0, 0.1


class Service:
    """The service /stand, on a real socket."""

    def __init__(self, reply: Callable[[], bytes]) -> None:
        self._listener = socket.create_server(("127.0.0.1", 0))
        self._reply = reply
        self.address = f"rosrpc://127.0.0.1:{self._listener.getsockname()[1]}"
        self.headers: List[bytes] = []
        self.requests: List[bytes] = []
        self.served = threading.Event()

    def serve(self) -> None:
        """Answer the next caller, in a thread."""
        threading.Thread(target=self._serve, daemon=True).start()

    def _serve(self) -> None:
        link, _ = self._listener.accept()
        with link:
            try:
                (length,) = struct.unpack("<I", link.recv(4))
                self.headers.append(link.recv(length))
                link.sendall(rosgraph.network.encode_ros_handshake_header({"callerid": "/locomotion"}))
                self.requests.append(link.recv(4))
                link.sendall(self._reply())
            except ConnectionError:
                self.requests.append(b"the caller has closed")
        self.served.set()

    def close(self) -> None:
        self._listener.close()


def response(success: bool, message: str) -> bytes:
    content = struct.pack("<BI", success, len(message)) + message.encode()
    return struct.pack("<BI", 1, len(content)) + content


@pytest.fixture
def master(monkeypatch: pytest.MonkeyPatch) -> Iterator[FakeMaster]:
    fake = FakeMaster()
    monkeypatch.setenv("ROS_MASTER_URI", fake.uri)
    yield fake
    fake.close()


@pytest.fixture
def offer(master: FakeMaster) -> Iterator[Callable[[Callable[[], bytes]], Service]]:
    services: List[Service] = []

    def make(reply: Callable[[], bytes]) -> Service:
        services.append(Service(reply))
        master.services["/stand"] = services[-1].address
        return services[-1]

    yield make
    for service in services:
        service.close()


Offer = Callable[[Callable[[], bytes]], Service]


def test_a_service_answers(offer: Offer) -> None:
    service = offer(lambda: response(False, "motion is not allowed"))
    service.serve()
    assert call_trigger("/stand", LONG) == TriggerResponse(False, "motion is not allowed")
    assert service.requests == [bytes(4)]
    assert f"md5sum={Trigger._md5sum}".encode() in service.headers[0]
    assert b"service=/stand" in service.headers[0]


def test_a_service_that_fails_says_why(offer: Offer) -> None:
    offer(lambda: struct.pack("<BI", 0, 4) + b"oops").serve()
    with pytest.raises(NoAnswerError, match="service /stand failed: oops"):
        call_trigger("/stand", LONG)


def test_a_node_that_ends_meanwhile_is_no_answer(offer: Offer) -> None:
    offer(lambda: b"").serve()
    with pytest.raises(NoAnswerError, match="service /stand failed: the node has ended"):
        call_trigger("/stand", LONG)


def test_a_service_that_no_node_offers_is_named(master: FakeMaster) -> None:
    with pytest.raises(NoAnswerError, match="no node offers the service /stand"):
        call_trigger("/stand", LONG)
    master.services["/stand"] = refused_uri().replace("http", "rosrpc").rstrip("/")
    with pytest.raises(NoAnswerError, match=r"service /stand failed: .*refused"):
        call_trigger("/stand", LONG)


def test_a_master_that_hangs_is_not_waited_for(monkeypatch: pytest.MonkeyPatch) -> None:
    hung = Hung()
    monkeypatch.setenv("ROS_MASTER_URI", hung.uri)
    with pytest.raises(NoAnswerError, match="has not answered"):
        call_trigger("/stand", SHORT)
    hung.close()


def test_a_call_that_timed_out_is_never_executed(offer: Offer) -> None:
    service = offer(lambda: response(True, "standing"))
    with pytest.raises(NoAnswerError, match="service /stand failed: timed out"):
        call_trigger("/stand", SHORT)  # it accepts the connection, as a stopped program does
    service.serve()  # and now it continues
    assert service.served.wait(LONG)
    assert bytes(4) not in service.requests
