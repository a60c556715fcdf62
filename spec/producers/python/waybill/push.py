"""The headers of push: what a request says of its job, and what an answer says became of it. push.md."""

import email.utils
import math
import re

from .refusal import Refused
from .signing import SECONDS, verify_request

NAME = re.compile("[A-Za-z0-9_.-]{1,255}")
NAME_OF_CODE = re.compile("[A-Za-z0-9_.-]{1,128}")
LABEL = {"id": "webhook-id", "type": "waybill-type", "queue": "waybill-queue"}
STATUS = {"completed": 200, "retry": 500, "release": 429, "dead": 422}
REFUSALS = {
    "FORBIDDEN": (403, None),
    "NOT_FOUND": (404, None),
    "METHOD_NOT_ALLOWED": (405, None),
    "BODY_TOO_LARGE": (413, None),
    "BODY_TIMEOUT": (408, "release"),
    "BODY_INCOMPLETE": (400, "release"),
    "BODY_GONE": (500, None),
    "CARRIER_INVALID": (400, "dead"),
    "ENCODING_INVALID": (400, "dead"),
    "KEYS_UNAVAILABLE": (503, "release"),
    "FULL": (429, "release"),
    "DRAINING": (503, "release"),
    "ID_CONFLICT": (409, "dead"),
    "DUPLICATE_JOB": (409, "dead"),
    "BACKEND_UNAVAILABLE": (503, "release"),
    "BACKEND_FULL": (503, "release"),
    "BACKEND_CLOSED": (503, "release"),
    "NEED_UNSUPPORTED": (422, "dead"),
    "NOT_KEPT": (503, "release"),
    "INTERNAL": (500, None),
}
NOT_LOOKED_AT = {401, 403, 404, 405, 406, 407, 408, 411, 413, 414, 415, 421, 425, 426, 429, 431, 503}
PERHAPS_TAKEN = {502, 504}
LEAST_DELAY_MS = 100
LONGEST_DELAY_MS = 7 * 86_400_000
HOUR_MS = 3_600_000


def delivery(headers):
    """Returns the counts, the signature and the label in a request's headers. A malformed header counts as absent."""
    timestamp, value = headers.get("waybill-signature-timestamp", ""), headers.get("waybill-signature")
    signed = value is not None and SECONDS.fullmatch(timestamp)
    label = {name: headers.get(header) for name, header in LABEL.items()}
    named = all(label.values()) and all(NAME.fullmatch(label[name]) for name in ("type", "queue"))
    return {
        "attempt": count(headers, "waybill-attempt", 1),
        "lost": count(headers, "waybill-lost", 0),
        "releases": count(headers, "waybill-releases", 0),
        "signature": {"timestamp": int(timestamp), "value": value} if signed else None,
        "label": label if named else None,
    }


def count(headers, name, least):
    text = headers.get(name, "")
    value = int(text) if re.fullmatch("[0-9]{1,9}", text) else least
    return max(value, least)


def answer(outcome, id):
    """Returns the status and the headers for an outcome."""
    kind, code, delay = outcome["kind"], outcome.get("code", ""), outcome.get("delay_ms")
    headers = {"waybill-outcome": kind}
    if id is not None:
        headers["x-waybill-job"] = id
    if re.fullmatch(r"[\x21-\x7e]{1,128}", code):
        headers["waybill-reason"] = code
    if delay is not None:
        delay = max(delay, LEAST_DELAY_MS) if kind == "release" else delay
        headers["waybill-delay-ms"] = str(math.ceil(delay))
        headers["retry-after"] = str(math.ceil(delay / 1_000))
    if outcome.get("kept") is False:
        headers["waybill-kept"] = "false"
    return {"status": STATUS[kind], "headers": headers}


def malformed(code):
    """Returns the answer for a body that is no envelope."""
    return {"status": 400, "headers": {"waybill-outcome": "dead", "waybill-reason": code}}


def refusal(code):
    """Returns the answer for a request whose job was not examined. A release without a reason is about the receiver, not the job."""
    status, outcome = REFUSALS[code]
    headers = {} if outcome is None else {"waybill-outcome": outcome}
    if outcome == "dead":
        headers["waybill-reason"] = code
    return {"status": status, "headers": headers}


def problem_type(code):
    """Returns the problem type of a code."""
    return "urn:waybill:problem:" + (code.lower() if NAME_OF_CODE.fullmatch(code) else "other")


def settlement(status, headers, problem, now_ms):
    """Returns what a sender does with a job after an answer."""
    ours = (problem or {}).get("type", "").startswith("urn:waybill:problem:")
    code = (headers.get("waybill-reason") or (problem["code"] if ours else f"HTTP_{status}"))[:128]
    delay, outcome = delay_ms(headers, now_ms), headers.get("waybill-outcome")
    place_delay = None if delay is None else within(delay, HOUR_MS)
    by_the_place = {"does": "not_delivered", "delay_ms": place_delay, "code": code}
    if outcome == "completed":
        return {"does": "ack"}
    if outcome == "retry" or (outcome == "release" and "waybill-reason" in headers):
        return {"does": outcome, "delay_ms": within(delay or 0, LONGEST_DELAY_MS), "code": code}
    if outcome == "dead":
        return {"does": "forget" if headers.get("waybill-kept") == "false" else "dead_letter", "code": code}
    if outcome is not None:
        return by_the_place
    if status in PERHAPS_TAKEN:
        return {"does": "lost"}
    refused = ours and "waybill-reason" not in headers
    if refused or status < 200 or 300 <= status < 400 or status in NOT_LOOKED_AT:
        return by_the_place
    return {"does": "ack"} if status < 300 else {"does": "attempt_failed", "code": code}


def delay_ms(headers, now_ms):
    if re.fullmatch("[0-9]{1,12}", headers.get("waybill-delay-ms", "")):
        return int(headers["waybill-delay-ms"])
    after = headers.get("retry-after", "")
    try:
        whole = re.fullmatch("[0-9]{1,9}", after)
        wait = int(after) * 1_000 if whole else email.utils.parsedate_to_datetime(after).timestamp() * 1_000 - now_ms
    except (TypeError, ValueError):
        return None
    return int(wait)


def within(delay, longest):
    """Limits the delay of an answer, so that a job neither runs in a loop nor waits for ever."""
    return min(max(delay, LEAST_DELAY_MS), longest)


class Receiver:
    """Accepts a request once. Requests are compared by the signed values, not by the signature, to whose list anybody can add a value."""

    def __init__(self, ring):
        self._ring = ring
        self._ended = set()

    def prove(self, headers, body, now_ms):
        verify_request(self._ring, headers, body, now_ms)
        if (headers["webhook-id"], headers["webhook-timestamp"]) in self._ended:
            raise Refused("FORBIDDEN", "", "came before, and ended its job")

    def answered(self, headers, outcome):
        """Remembers a request that ended its job. After any other outcome the job may be sent again within the same second."""
        if outcome in ("completed", "dead"):
            self._ended.add((headers["webhook-id"], headers["webhook-timestamp"]))


def lines(content_type, text):
    """Returns the envelopes of a batch. Raises `NoBatch` for a batch that is refused as a whole."""
    if not re.fullmatch(r"application/x-ndjson[ \t]*(;.*)?", content_type or "", re.IGNORECASE):
        raise NoBatch(415)
    found = text[: -1 if text.endswith("\n") else None].split("\n")
    if len(found) > 100:
        raise NoBatch(413)
    if any(line.strip(" \t\r") == "" for line in found):
        raise NoBatch(400)
    return found


class NoBatch(Exception):
    def __init__(self, status):
        super().__init__(f"no batch: {status}")
        self.status = status
