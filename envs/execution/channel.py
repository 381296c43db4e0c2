"""Frames on a socket: 4 bytes little-endian length, then the message. Blocking; for processes behind the wall.

Runs inside the zygote as well: standard library only.
"""

from __future__ import annotations

import array
import os
import socket
from collections.abc import Sequence

MAX_FRAME = 1 << 28
_CHUNK = 1 << 16
_MAX_DESCRIPTORS = 4
_ANCILLARY = socket.CMSG_SPACE(_MAX_DESCRIPTORS * array.array("i").itemsize)


class Channel:
    """One end of a fresh socket pair.

    Args:
        descriptor: of a connected SOCK_STREAM Unix socket; owned from now on.
    """

    __slots__ = ("_descriptors", "_pending", "socket")

    def __init__(self, descriptor: int) -> None:
        self.socket = socket.socket(socket.AF_UNIX, socket.SOCK_STREAM, 0, fileno=descriptor)
        self._pending = b""
        self._descriptors: list[int] = []

    def go_on(self, pending: bytes, descriptors: Sequence[int]) -> None:
        """Receive from here on after what somebody else has received: these bytes and descriptors."""
        self._pending = pending
        self._descriptors = list(descriptors)

    def send(self, message: bytes) -> None:
        """Send one frame, waiting for room."""
        self.socket.sendall(len(message).to_bytes(4, "little") + message)

    def receive(self) -> bytes | None:
        """Return the next frame, or None at the end; descriptors that came with it are kept for `descriptors`."""
        if not self._fill(4):
            return None
        length = int.from_bytes(self._pending[:4], "little")
        if length > MAX_FRAME or not self._fill(4 + length):
            return None
        message = self._pending[4 : 4 + length]
        self._pending = self._pending[4 + length :]
        return message

    def descriptors(self) -> list[int]:
        """Return the descriptors received since the last call."""
        found, self._descriptors = self._descriptors, []
        return found

    def _fill(self, length: int) -> bool:
        if len(self._pending) >= length:
            return True
        parts, have = [self._pending], len(self._pending)
        while have < length:
            data, ancillary, _, _ = self.socket.recvmsg(max(_CHUNK, length - have), _ANCILLARY)
            for level, kind, content in ancillary:
                if (level, kind) == (socket.SOL_SOCKET, socket.SCM_RIGHTS):
                    numbers = array.array("i")
                    numbers.frombytes(content[: len(content) - len(content) % numbers.itemsize])
                    self._descriptors += numbers
            if not data:
                return False
            parts.append(data)
            have += len(data)
        self._pending = b"".join(parts)
        return True


def move(descriptor: int, to: int) -> None:
    """Make `descriptor` the number `to` in this process."""
    if descriptor != to:
        os.dup2(descriptor, to, inheritable=True)
        os.close(descriptor)
