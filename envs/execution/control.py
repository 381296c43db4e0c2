"""What judge, zygote and children say in fixed little-endian fields, which the C helper reads as well.

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

CALLS: Final = struct.Struct("<cBHIIIQQQd")
"""Head of a candidate's first message that asks for calls and no more (in zygote.py "run", without serve).

CALLS_TAG, whether the usual imports are in scope, 0, number of calls, bytes of the source, bytes of the record, memory
in bytes, most bytes of output, seed, processor seconds. There follow the source in UTF-8; where statements are to be
recorded a marshalled tuple (bytes of the attached memory, tracer, marks, pads); then each call, marshalled, after its
LENGTH.
"""

CALLS_TAG: Final = b"C"

LENGTH: Final = struct.Struct("<I")
"""Length of a call."""

MARSHAL: Final = 2
"""A format of `marshal` that every version of Python reads; only ever towards a zygote and its children."""

MODULE: Final = "program"
"""`__name__` of programs that answer calls: their main guard is for people who run them as a script."""
