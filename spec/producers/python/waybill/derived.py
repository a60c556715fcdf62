"""Ids that follow from what a job is about. envelope.md, "Derived ids"."""

import hashlib
import re

from .canonical import canonical
from .refusal import Refused


def derived_id(parts):
    """Returns a UUID of version 8 from 1 to 16 texts and integers. Raises `Refused`."""
    if not isinstance(parts, list) or not 1 <= len(parts) <= 16:
        raise Refused("ID_INVALID", "", "not 1 to 16 parts")
    for at, part in enumerate(parts):
        if not is_part(part):
            raise Refused("ID_INVALID", f"/{at}", "neither a text of 1 to 255 characters nor a whole number")
    digest = bytearray(hashlib.sha256(canonical(parts).encode()).digest()[:16])
    digest[6] = digest[6] & 0x0F | 0x80
    digest[8] = digest[8] & 0x3F | 0x80
    text = digest.hex()
    return "-".join((text[:8], text[8:12], text[12:16], text[16:20], text[20:]))


def is_part(part):
    if isinstance(part, str):
        return 1 <= len(part) <= 255 and not re.search("[\ud800-\udfff]", part)
    return isinstance(part, int) and not isinstance(part, bool) and abs(part) <= 2**53 - 1
