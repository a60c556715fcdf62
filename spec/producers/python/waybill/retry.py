"""How often and how soon: who wins, and the schedule. envelope.md."""

import hashlib
import math

from .times import duration_ms, timestamp_ms

DEFAULTS = {
    "max_attempts": 10,
    "initial_interval": "PT5S",
    "backoff_coefficient": 2,
    "max_interval": "PT1H",
    "jitter": True,
    "non_retryable_errors": [],
    "on_exhaustion": "dead_letter",
}
DEFAULT_TIMEOUT_S = 900


def policy(envelope, definition):
    """Member by member: the envelope, else the worker's definition of the type, else the default."""
    held = {**DEFAULTS, **definition.get("retry", {}), **envelope.get("retry", {})}
    return {
        "max_attempts": int(held["max_attempts"]),
        "initial_ms": duration_ms(held["initial_interval"]),
        "backoff_coefficient": held["backoff_coefficient"],
        "max_ms": duration_ms(held["max_interval"]),
        "jitter": held["jitter"],
        "non_retryable_errors": held["non_retryable_errors"],
        "on_exhaustion": held["on_exhaustion"],
    }


def timeout_ms(envelope, definition):
    return int(envelope.get("timeout", definition.get("timeout", DEFAULT_TIMEOUT_S)) * 1_000)


def ends_ms(envelope, deadline_ms):
    """When all attempts together must have ended; None for never."""
    start = envelope.get("scheduled_at", envelope.get("created_at"))
    return None if start is None else timestamp_ms(start) + deadline_ms


def delay_ms(id, failure, initial_ms, coefficient, max_ms, jitter):
    """How long the job waits after its `failure`th failure, counted from 1."""
    wait = float(min(initial_ms, max_ms))
    for _ in range(failure - 1):
        longer = min(wait * coefficient, float(max_ms))
        if longer == wait:
            break
        wait = longer
    if jitter:
        digest = hashlib.sha256(f"{id}:{failure}".encode()).digest()
        wait *= 0.5 + int.from_bytes(digest[:6], "big") / 2**48
    return int(min(math.floor(wait), max_ms))
