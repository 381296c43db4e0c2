"""What judge and zygote say on the control socket, in fixed little-endian fields that the C helper reads as well.

Runs inside the zygote as well: standard library only.
"""

from __future__ import annotations

import struct
from typing import Final

FORK: Final = {"candidate": 1, "referee": 2}
"""Kinds of the message that asks for children, by their role."""

KILL: Final = 3
"""Kind of the message that kills one child."""

FORK_HEADER: Final = struct.Struct("<BxH")
"""Kind and count, before as many NUMBERs."""

NUMBER: Final = struct.Struct("<I")
"""What the judge calls a child."""

ENDED: Final = struct.Struct("<IidqiI")
"""Number, status, seconds of processor time, max rss in KiB, killed, denied; one after the other in a message."""
