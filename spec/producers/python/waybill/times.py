"""Timestamps and durations, both as milliseconds."""

import datetime
import math
import re

from .refusal import Refused

TIMESTAMP = re.compile(
    r"([0-9]{4})-([0-9]{2})-([0-9]{2})T([0-9]{2}):([0-9]{2}):([0-9]{2})(?:\.([0-9]{1,9}))?"
    r"(?:Z|([+-])([0-9]{2}):([0-9]{2}))"
)
DURATION = re.compile(r"PT(?=[0-9])(?:([0-9]{1,9})H)?(?:([0-9]{1,9})M)?(?:([0-9]{1,9})(?:\.([0-9]{1,3}))?S)?")
EPOCH_DAY = datetime.date(1970, 1, 1).toordinal()
LATEST_MS = 253_402_300_799_999  # 9999-12-31T23:59:59.999Z
LONGEST_MS = 366 * 86_400_000


def timestamp_ms(text, pointer=""):
    """Returns the Unix milliseconds of an RFC 3339 time. Smaller fractions are cut off, never rounded."""
    found = TIMESTAMP.fullmatch(text)
    if found:
        year, month, day, hour, minute, second = map(int, found.group(1, 2, 3, 4, 5, 6))
        fraction, sign, ahead_hours, ahead_minutes = found.group(7, 8, 9, 10)
        ahead = (int(ahead_hours or 0), int(ahead_minutes or 0))
        fits = year >= 1970 and hour <= 23 and minute <= 59 and second <= 59 and ahead[0] <= 23 and ahead[1] <= 59
        days = days_since_epoch(year, month, day)
        if fits and days is not None:
            seconds = days * 86_400 + hour * 3_600 + minute * 60 + second
            offset = (ahead[0] * 60 + ahead[1]) * (-60 if sign == "-" else 60)
            ms = (seconds - offset) * 1_000 + int((fraction or "").ljust(3, "0")[:3])
            if 0 <= ms <= LATEST_MS:
                return ms
    raise Refused("TIMESTAMP_INVALID", pointer, "not an RFC 3339 time with a zone, such as 2026-11-22T10:00:00.000Z")


def days_since_epoch(year, month, day):
    try:
        return datetime.date(year, month, day).toordinal() - EPOCH_DAY
    except ValueError:
        return None


def timestamp(ms):
    """Returns a time as a producer should write it: UTC, "Z", three decimals."""
    days, rest = divmod(math.floor(ms), 86_400_000)
    seconds, millis = divmod(rest, 1_000)
    day = datetime.date.fromordinal(EPOCH_DAY + days)
    return f"{day.isoformat()}T{seconds // 3600:02}:{seconds // 60 % 60:02}:{seconds % 60:02}.{millis:03}Z"


def duration_ms(text, pointer=""):
    """Returns the milliseconds of an ISO 8601 duration of hours, minutes and seconds."""
    found = DURATION.fullmatch(text)
    if found:
        hours, minutes, seconds = (int(part or 0) for part in found.group(1, 2, 3))
        ms = (hours * 3_600 + minutes * 60 + seconds) * 1_000 + int((found.group(4) or "").ljust(3, "0"))
        if 0 < ms <= LONGEST_MS:
            return ms
    raise Refused("DURATION_INVALID", pointer, "not H, M and S over 0 and up to 366 days, such as PT1H30M")
