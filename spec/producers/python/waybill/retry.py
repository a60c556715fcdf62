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
    """Returns the retry policy: each member from the envelope, else from the worker's definition of the type, else the default."""
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
    """Returns when all attempts together must have ended; None for never."""
    start = envelope.get("scheduled_at", envelope.get("created_at"))
    return None if start is None else timestamp_ms(start) + deadline_ms


FIRST_WAIT_MS = 5_000
LONGEST_WAIT_MS = 3_600_000
GIVE_UP_AFTER_MS = 7 * 86_400_000


def without_handler(envelope, attempt, releases, now_ms):
    """Returns how long a job waits whose type has no handler here; None: it is dead-lettered. envelope.md, "A type without a handler"."""
    times = [timestamp_ms(envelope[name]) for name in ("created_at", "scheduled_at") if name in envelope]
    if not times and envelope["id"][14] == "7":
        times = [int(envelope["id"][:13].replace("-", ""), 16)]
    age = now_ms - max(times) if times else -1
    age = math.inf if age < 0 else age
    before = releases + attempt - 1
    waited = sum(min(FIRST_WAIT_MS * 2**min(at, 20), LONGEST_WAIT_MS) for at in range(before))
    if min(age, waited) >= GIVE_UP_AFTER_MS:
        return None
    return min(FIRST_WAIT_MS * 2 ** min(before, 20), LONGEST_WAIT_MS, max(age, FIRST_WAIT_MS))


def delay_ms(id, failure, initial_ms, coefficient, max_ms, jitter):
    """Returns how long the job waits after its `failure`th failure, counted from 1."""
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
