"""Signatures by Standard Webhooks, and the wrapper for places without headers. signing.md."""

import base64
import hashlib
import hmac
import json
import re

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
        """The ring for requests: a job's signature is none of a request, and the other way about."""
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
    """The id that the request proves. Raises `Refused` without saying why to anybody but the log."""
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
    """A dot would let the signature of one body be that of another with its beginning cut off."""
    return 1 <= len(text) <= 255 and "." not in text


POLICIES = ("off", "optional", "required")


def policy_for(policies, queue):
    """One policy for all queues, or by name, those not named being off. An unknown queue may be any: the strictest."""
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
    """The envelope's bytes. What is no wrapper is unsigned. No age is too great here: the job may have waited."""
    try:
        wrapper = json.loads(text)
    except ValueError:
        wrapper = None
    if not isinstance(wrapper, dict) or wrapper.get("spec") != "waybill-signed/1":
        raise Refused("FORBIDDEN", "", "not a wrapper")
    id, ts, sig, envelope = (wrapper.get(name) for name in ("id", "ts", "sig", "envelope"))
    texts = all(isinstance(member, str) for member in (id, sig, envelope))
    if not texts or isinstance(ts, bool) or not isinstance(ts, (int, float)) or not 0 <= ts < 10**11 or ts != int(ts):
        raise Refused("FORBIDDEN", "", "a wrapper of another form")
    body = envelope.encode("utf-8", "surrogatepass")
    if not is_id(id) or not ring.verify(id, int(ts), body, sig):
        raise Refused("FORBIDDEN", "", "no key made this signature")
    return body
