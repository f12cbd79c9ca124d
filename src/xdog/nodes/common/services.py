"""Service calls that are executed in time or not at all."""

import io
import socket
import struct
import time

import rosgraph.network
import rospy
from std_srvs.srv import Trigger, TriggerResponse

from xdog.nodes.common.master import NoAnswerError, ask_master

HEADER_SIZE = 4096
"""Bytes that are read at once of a connection's header."""


def call_trigger(name: str, timeout: float) -> TriggerResponse:
    """Call a std_srvs/Trigger service that is reached within ``timeout`` s; its answer may take any time.

    rospy's own call has no limit: if the master or the network hangs, the call is executed once it recovers, and a
    robot stands up minutes after the key was pressed.

    Raises:
        NoAnswerError: no node offers the service, or it was not reached in time: it was not called and will not be.
            Or the connection broke before the answer.
    """
    end = time.monotonic() + timeout
    name = rospy.resolve_name(name)
    address = ask_master("lookupService", name, timeout=timeout)
    if address is None:
        raise NoAnswerError(f"no node offers the service {name}")
    try:
        with socket.create_connection(rospy.core.parse_rosrpc_uri(address), timeout=timeout) as link:
            header = {"service": name, "md5sum": Trigger._md5sum, "callerid": rospy.get_name()}
            rosgraph.network.write_ros_handshake_header(link, header)
            answer = rosgraph.network.read_ros_handshake_header(link, io.BytesIO(), HEADER_SIZE)
            if "error" in answer:
                raise NoAnswerError(f"service {name}: {answer['error']}")
            if time.monotonic() > end:
                raise NoAnswerError(f"service {name} was not reached within {timeout:g} s")
            link.settimeout(None)
            link.sendall(struct.pack("<I", 0))  # a Trigger's request is empty
            return _read_response(link, name)
    except (OSError, rosgraph.network.ROSHandshakeException) as error:
        raise NoAnswerError(f"service {name} failed: {error}") from error


def _read_response(link: socket.socket, name: str) -> TriggerResponse:
    """A service's answer: a success byte, a length, and the response or an error message."""
    success, length = struct.unpack("<BI", _read(link, 5))
    content = _read(link, length)
    if not success:
        raise NoAnswerError(f"service {name} failed: {content.decode(errors='replace')}")
    response = TriggerResponse()
    response.deserialize(content)
    return response


def _read(link: socket.socket, size: int) -> bytes:
    content = b""
    while len(content) < size:
        piece = link.recv(size - len(content))
        if not piece:
            raise ConnectionResetError("the node has ended")
        content += piece
    return content
