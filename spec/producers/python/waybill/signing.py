"""Signatures by Standard Webhooks, and the wrapper for places without headers. signing.md."""

import base64
import hashlib
import hmac
import json
import re

from .envelope import parse
from .refusal import Refused

FRESH_MS = 300_000
MOST_VALUES = 8
SECRET = re.compile(r"whsec_([A-Za-z0-9+/]+={0,2})")
SECONDS = re.compile(r"0|[1-9][0-9]{0,10}")


class KeyRing:
    """The first secret signs, all verify."""

    def __init__(self, secrets):
        if not secrets:
            raise Refused("CONFIG_INVALID", "", "a key ring needs at least one secret")
        self._keys = [key_of(secret, index) for index, secret in enumerate(secrets)]

    def requests(self):
        """Returns the key ring for requests, whose keys are derived: a job's signature is not valid on a request, nor the reverse."""
        return KeyRing([request_secret(key) for key in self._keys])

    def sign(self, id, timestamp, body):
        return value_of(self._keys[0], id, timestamp, body)

    def verify(self, id, timestamp, body, values):
        pieces = values.split(" ")[:MOST_VALUES]
        matches = False
        for key in self._keys:
            expected = value_of(key, id, timestamp, body).encode()
            for piece in pieces:
                matches |= hmac.compare_digest(expected, piece.encode())
        return matches


def value_of(key, id, timestamp, body):
    digest = hmac.new(key, f"{id}.{timestamp}.".encode() + body, hashlib.sha256).digest()
    return "v1," + base64.b64encode(digest).decode()


def request_secret(key):
    return "whsec_" + base64.b64encode(hmac.new(key, b"waybill request", hashlib.sha256).digest()).decode()


def key_of(secret, index):
    found = SECRET.fullmatch(secret)
    try:
        key = base64.b64decode(found.group(1), validate=True) if found else b""
    except ValueError:
        key = b""
    if 24 <= len(key) <= 64 and "whsec_" + base64.b64encode(key).decode() == secret:
        return key
    raise Refused("CONFIG_INVALID", "", f"secret {index + 1} is not whsec_ and the base64 of 24 to 64 bytes")


def verify_request(ring, headers, body, now_ms):
    """Returns the verified id of a request. Raises `Refused`, whose reason is for the log alone."""
    id, values = headers.get("webhook-id", ""), headers.get("webhook-signature")
    timestamp = headers.get("webhook-timestamp", "")
    if values is None or not is_id(id) or not SECONDS.fullmatch(timestamp):
        raise Refused("FORBIDDEN", "", "not signed")
    if not ring.verify(id, timestamp, body, values):
        raise Refused("FORBIDDEN", "", "no key made this signature")
    if abs(now_ms - int(timestamp) * 1_000) > FRESH_MS:
        raise Refused("FORBIDDEN", "", "stale")
    return id


def is_id(text):
    """Refuses an id with a dot, with which the signature of one body would be valid for another body without its beginning."""
    return 1 <= len(text) <= 255 and "." not in text


POLICIES = ("off", "optional", "required")


def policy_for(policies, queue):
    """Returns the policy of a queue. Queues without a policy are off; an unknown queue has the strictest policy."""
    if isinstance(policies, str):
        return policies
    if queue is None:
        return max(policies.values(), key=POLICIES.index, default="off")
    return policies.get(queue, "off")


def may_run(ring, policy, id, body, signature):
    if policy == "off":
        return True
    if signature is None:
        return policy == "optional"
    return ring.verify(id, signature["timestamp"], body, signature["value"])


def unwrap(ring, text):
    """Returns the envelope's bytes of a verified wrapper, whatever its age. A text that is no wrapper is unsigned."""
    wrapper = read_wrapper(text)
    if wrapper is None:
        raise Refused("FORBIDDEN", "", "not a wrapper")
    id, signature, body = wrapper
    if not is_id(id) or not ring.verify(id, signature["timestamp"], body, signature["value"]):
        raise Refused("FORBIDDEN", "", "no key made this signature")
    return body


def unwrap_pushed(ring, body):
    """Returns the body that a receiver without a policy runs: the wrapped job if one of its secrets signed it, or the body itself."""
    wrapper = read_wrapper(body.decode("utf-8", "replace"))
    if wrapper is not None:
        id, signature, within = wrapper
        if not is_id(id) or not ring.verify(id, signature["timestamp"], within, signature["value"]):
            raise Refused("SIGNATURE_INVALID", "", "no key made the wrapper's signature")
    return opened(body)[1]


def opened(body):
    """Returns the envelope, its bytes and its signature, which is not verified; None where there is no wrapper."""
    try:
        return parse(body), body, None
    except Refused:
        wrapper = read_wrapper(body.decode("utf-8", "replace"))
        if wrapper is None:
            raise
    id, signature, body = wrapper
    job = parse(body)
    if job["id"] != id:
        raise Refused("SIGNATURE_INVALID", "/id", "the wrapper signs another job")
    return job, body, signature


def read_wrapper(text):
    """Returns the wrapper's id, the job's signature and the envelope's bytes, unverified. None for any other text."""
    try:
        wrapper = json.loads(text, parse_constant=no_constant)
    except (ValueError, RecursionError):
        return None
    if not isinstance(wrapper, dict) or wrapper.get("spec") != "waybill-signed/1":
        return None
    id, ts, sig, envelope = (wrapper.get(name) for name in ("id", "ts", "sig", "envelope"))
    texts = all(isinstance(member, str) for member in (id, sig, envelope))
    if not texts or isinstance(ts, bool) or not isinstance(ts, (int, float)) or not 0 <= ts < 10**11 or ts != int(ts):
        return None
    if not re.fullmatch("[ -~]+", sig):
        return None
    return id, {"timestamp": int(ts), "value": sig}, envelope.encode("utf-8", "surrogatepass")


def no_constant(name):
    """Refuses NaN and Infinity, which Python parses and JSON does not have."""
    raise ValueError(name)
