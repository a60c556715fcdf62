"""The order in which a job is judged, and what the end of a run means. envelope.md."""

from . import retry
from .times import timestamp_ms

MOST_LOST = 20


def judged(envelope, attempt, lost, now_ms, has_handler, deadline_ms):
    """Returns `(outcome, code)` for a job that does not start, and None for one that does."""
    if now_ms < timestamp_ms(envelope.get("scheduled_at", "1970-01-01T00:00:00Z")):
        return "release", "EARLY"
    if "expires_at" in envelope and now_ms >= timestamp_ms(envelope["expires_at"]):
        return "dead", "EXPIRED"
    if lost >= MOST_LOST:
        return "dead", "WORKER_LOST"
    if "dedupe" in envelope:
        return "dead", "NEED_UNSUPPORTED"
    if "flow" in envelope.get("meta", {}):
        return "release", "LEDGER_MISSING"
    if not has_handler or envelope.get("meta", {}).get("payload_version", 1) > 1:
        wait = retry.without_handler(envelope, attempt, 0, now_ms)
        return "dead" if wait is None else "release", "JOB_UNKNOWN"
    ends = None if deadline_ms is None else retry.ends_ms(envelope, deadline_ms)
    if ends is not None and now_ms >= ends:
        return "dead", "DEADLINE"
    return None


def ended(envelope, attempt, throws, ends=None):
    """Returns `(outcome, code, kept)` for the end of a run. The limit is checked when a run has failed, and not before.

    `ends` is "dead_letter" or "discard" where the handler ended its job for good; nothing in the envelope changes that.
    """
    if ends is not None:
        return ("dead", "DEAD_LETTERED", True) if ends == "dead_letter" else ("dead", "DISCARDED", False)
    if throws is None:
        return "completed", None, None
    policy = retry.policy(envelope, {})
    if throws in policy["non_retryable_errors"]:
        return "dead", "NON_RETRYABLE", True
    if attempt < policy["max_attempts"]:
        return "retry", throws, None
    return "dead", "ATTEMPTS_EXHAUSTED", policy["on_exhaustion"] != "discard"
