"""The headers of push: what a request says of its job, and what an answer says became of it. push.md."""

import math
import re

from .signing import SECONDS

STATUS = {"completed": 200, "retry": 500, "release": 429, "dead": 422}


def count(headers, name, least):
    text = headers.get(name, "")
    value = int(text) if re.fullmatch("[0-9]{1,9}", text) else least
    return max(value, least)


def parcel(headers):
    """What the sender says beside the body. What is malformed is as if absent."""
    timestamp, value = headers.get("waybill-signature-timestamp", ""), headers.get("waybill-signature")
    signed = value is not None and SECONDS.fullmatch(timestamp)
    label = {name: headers.get(header) for name, header in LABEL.items()}
    return {
        "attempt": count(headers, "waybill-attempt", 1),
        "lost": count(headers, "waybill-lost", 0),
        "releases": count(headers, "waybill-releases", 0),
        "signature": {"timestamp": int(timestamp), "value": value} if signed else None,
        "label": label if None not in label.values() else None,
    }


LABEL = {"id": "webhook-id", "type": "waybill-type", "queue": "waybill-queue"}


def answer(outcome, id):
    """Status and headers for what became of a job."""
    kind, code, delay = outcome["kind"], outcome.get("code"), outcome.get("delay_ms")
    headers = {"waybill-outcome": kind, "x-waybill-job": id}
    if code is not None and re.fullmatch(r"[\x21-\x7e]{1,128}", code):
        headers["waybill-reason"] = code
    if delay is not None:
        headers["waybill-delay-ms"] = str(math.ceil(delay))
        headers["retry-after"] = str(math.ceil(delay / 1_000))
    if outcome.get("kept") is False:
        headers["waybill-kept"] = "false"
    return {"status": STATUS[kind], "headers": headers}
