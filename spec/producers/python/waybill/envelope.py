"""Envelopes: read, judged and written. envelope.md."""

import json
import re

from . import rules
from .canonical import canonical
from .refusal import Refused, step
from .strict_json import parse as parse_json
from .times import timestamp_ms

MAX_META_BYTES = 16_384


def spec_rule(value, pointer):
    if value == "waybill/1":
        return
    rules.present(value, pointer)
    rules.of_type(str, value, pointer)
    if re.fullmatch("waybill/[1-9][0-9]*", value):
        raise Refused("SPEC_UNSUPPORTED", pointer, f"{value[:40]} is not supported")
    raise Refused("SPEC_INVALID", pointer, "not an envelope")


def meta_rule(value, pointer):
    rules.of_type(dict, value, pointer)
    for key, member in value.items():
        inner = pointer + step(key[:64])
        if not re.fullmatch(r"[a-z][a-z0-9_.-]{0,63}", key):
            raise Refused("META_KEY_INVALID", inner, "not a key")
        if key in RESERVED:
            RESERVED[key](member, inner)


def limits_rule(value, pointer):
    rules.of_type(dict, value, pointer)
    if not 1 <= len(value) <= 4:
        raise Refused("LENGTH_INVALID", pointer, "not 1 to 4 limits")
    for name, key in value.items():
        if not re.fullmatch(r"[a-z][a-z0-9_.#-]{0,139}", name):
            raise Refused("META_KEY_INVALID", pointer + step(name[:64]), "not a name of a limit")
        rules.text(255)(key, pointer + step(name))


RESERVED = {
    "tenant_id": rules.text(128),
    "payload_version": rules.integer(1, 2_147_483_647),
    "limits": limits_rule,
}

RETRY = {
    "max_attempts": rules.integer(1, 100),
    "initial_interval": rules.duration,
    "backoff_coefficient": rules.number(1),
    "max_interval": rules.duration,
    "jitter": rules.boolean,
    "non_retryable_errors": rules.listing(0, 100, rules.text(255)),
    "on_exhaustion": rules.one_of("dead_letter", "discard"),
}

DEDUPE = {
    "key": rules.text(255),
    "until": rules.one_of("start"),
    "for": rules.duration,
    "on_conflict": rules.one_of("reject", "ignore", "replace"),
}

FIELDS = {
    "spec": spec_rule,
    "id": rules.identifier,
    "type": rules.text(128, rules.TYPE, "TYPE_INVALID"),
    "queue": rules.text(63, rules.QUEUE, "QUEUE_INVALID"),
    "args": rules.array,
    "created_at": rules.moment,
    "source": rules.text(255, rules.URI_REFERENCE, "URI_INVALID"),
    "scheduled_at": rules.moment,
    "expires_at": rules.moment,
    "priority": rules.integer(-100, 100),
    "timeout": rules.integer(1, 604_800),
    "retry": rules.closed(RETRY),
    "dedupe": rules.closed(DEDUPE, ["key"]),
    "schema": rules.text(255, rules.URI, "URI_INVALID"),
    "meta": meta_rule,
    "crit": rules.listing(1, 32, rules.text(64)),
    "specversion": rules.one_of("1.0"),
}


def parse(body):
    """Returns the envelope in a body, exactly as written. Raises `Refused`."""
    envelope = parse_json(body)
    if not isinstance(envelope, dict):
        raise Refused("ENVELOPE_NOT_OBJECT", "", "JSON, but not an object")
    # The version first: what the others mean depends on it.
    rules.require(envelope, ["spec"])
    spec_rule(envelope["spec"], "/spec")
    rules.require(envelope, ["id", "type", "args"])
    for name, rule in FIELDS.items():
        if name in envelope:
            rules.present(envelope[name], f"/{name}")
            rule(envelope[name], f"/{name}")
    if len(canonical(envelope.get("meta", {})).encode()) > MAX_META_BYTES:
        raise Refused("META_TOO_LARGE", "/meta", f"over {MAX_META_BYTES} bytes")
    check_expiry(envelope)
    check_dedupe(envelope)
    check_crit(envelope)
    return envelope


def check_expiry(envelope):
    if "expires_at" not in envelope or "scheduled_at" not in envelope:
        return
    if timestamp_ms(envelope["expires_at"]) <= timestamp_ms(envelope["scheduled_at"]):
        raise Refused("EXPIRY_ORDER", "/expires_at", "not later than scheduled_at")


def check_dedupe(envelope):
    if {"until", "for"} <= envelope.get("dedupe", {}).keys():
        raise Refused("FIELD_EXCLUSIVE", "/dedupe/for", "beside until")


def check_crit(envelope):
    names = envelope.get("crit", [])
    for index, name in enumerate(names):
        if name in names[:index] or name not in envelope:
            raise Refused("CRIT_INVALID", f"/crit/{index}", "named twice, or not a field of this envelope")
        if name not in FIELDS:
            raise Refused("CRIT_UNSUPPORTED", f"/crit/{index}", "must be understood, and is not")


def serialise(envelope):
    """Returns the body to store, as bytes. Raises `Refused` for an envelope that readers would refuse."""
    text = json.dumps(envelope, ensure_ascii=False, allow_nan=False, separators=(",", ":"))
    body = text.replace("\ufffe", "\\ufffe").replace("\uffff", "\\uffff").encode("utf-8", "surrogatepass")
    parse(body)
    return body


def label(envelope):
    """Returns the label: the fields that a backend may read without parsing the envelope, with defaults, times in milliseconds."""
    meta = envelope.get("meta", {})
    times = {name: envelope.get(name) for name in ("created_at", "scheduled_at", "expires_at")}
    return {
        "id": envelope["id"],
        "type": envelope["type"],
        "queue": envelope.get("queue", "default"),
        "priority": int(envelope.get("priority", 0)),
        "tenant": meta.get("tenant_id"),
        "payload_version": int(meta.get("payload_version", 1)),
        **{f"{name}_ms": text and timestamp_ms(text) for name, text in times.items()},
    }
