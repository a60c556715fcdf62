#!/usr/bin/env python3
"""Answers questions, one JSON object a line, each with one line. It sees inputs of vectors and never what is expected.

    {"folder": "valid", "input": {"text": "{}"}}
"""

import base64
import json
import sys

from waybill import bindings, dedupe, derived, envelope, push, retry, running, signing
from waybill.refusal import Refused
from waybill.storing import Store
from waybill.times import duration_ms, timestamp, timestamp_ms


def body_of(form):
    """The four ways a vector writes a body. vectors/README.md."""
    if "envelope" in form:
        return json.dumps(form["envelope"]).encode()
    if "text" in form:
        return form["text"].encode("utf-8", "surrogatepass")
    if "base64" in form:
        return base64.b64decode(form["base64"])
    return "".join(text * times for text, times in form["repeat"]).encode()


def label(form):
    return envelope.label(envelope.parse(body_of(form)))


def written(form):
    """The same envelope as this implementation writes it."""
    return envelope.serialise(envelope.parse(body_of(form))).decode()


def schedule(given):
    waits = retry.policy({"retry": given["retry"]}, {})
    settings = waits["initial_ms"], waits["backoff_coefficient"], waits["max_ms"], waits["jitter"]
    return {"delays_ms": [retry.delay_ms(given["id"], failure, *settings) for failure in given["failures"]]}


def settings(given):
    job, definition = envelope.parse(json.dumps(given["envelope"])), given["definition"]
    held = envelope.label(job)
    names = ("queue", "priority", "payload_version")
    return {
        **{name: held[name] for name in names},
        "timeout_ms": retry.timeout_ms(job, definition),
        "retry": retry.policy(job, definition),
    }


def moment(given):
    ms = timestamp_ms(given["text"])
    return {"ms": ms, "written": timestamp(ms)}


def verified(given, ring_of=signing.KeyRing):
    ring = ring_of(given["keys"])
    body = body_of(given["body"])
    headers = given["headers"]
    id = signing.verify_request(ring, headers, body, given["now_ms"])
    values = headers["webhook-signature"].split(" ")[:8]
    for index, secret in enumerate(given["keys"]):
        if ring_of([secret]).sign(id, headers["webhook-timestamp"], body) in values:
            return {"key": index, "signs": ring.sign(id, headers["webhook-timestamp"], body)}
    return None


def by_purpose(given):
    """A receiver takes requests; an ingress takes jobs that were signed lately, a queue those of any age."""
    if given["at"] == "queue":
        given = {**given, "now_ms": int(given["headers"]["webhook-timestamp"]) * 1_000}
    is_request = given["at"] == "receiver"
    return verified(given, (lambda keys: signing.KeyRing(keys).requests()) if is_request else signing.KeyRing)


def judged(given):
    """Whether a worker with these policies runs a job with this signature."""
    body = body_of(given["body"])
    id = envelope.parse(body)["id"]
    ring, policy = signing.KeyRing(given["keys"]), signing.policy_for(given["policies"], given["queue"])
    return {"runs": signing.may_run(ring, policy, id, body, given["signature"])}


def deadline(given):
    ends = retry.ends_ms(envelope.parse(json.dumps(given["envelope"])), given["deadline_ms"])
    now, then = given["now_ms"], given["now_ms"] + given["wait_ms"]
    return {"ends_ms": ends, "may_start": ends is None or now < ends, "may_wait": ends is None or then < ends}


def unknown(given):
    job = envelope.parse(json.dumps(given["envelope"]))
    wait = retry.without_handler(job, given["attempt"], given["releases"], given["now_ms"])
    return {"waits_ms": wait}


def run(given):
    """What becomes of one delivery at a worker that has one version of one type, and nothing that keeps unique keys."""
    job, attempt = envelope.parse(json.dumps(given["envelope"])), given["attempt"]
    early = running.judged(job, attempt, given["lost"], given["now_ms"], given["has_handler"], given["deadline_ms"])
    if early is None:
        outcome, code, kept = running.ended(job, attempt, given["throws"], given.get("ends"))
    else:
        (outcome, code), kept = early, True if early[0] == "dead" else None
    return {"starts": early is None, "outcome": outcome, "code": code, "kept": kept}


def problem(given):
    """The problem of an answer, without the words for people."""
    answered = response(given)
    headers = answered["headers"]
    code = given["refusal"] if "refusal" in given else headers.get("waybill-reason") or given["outcome"].get("code", "")
    return {"type": push.problem_type(code), "status": answered["status"], "code": code}


def unwrapped(given):
    if given.get("at") == "receiver":
        return {"envelope": signing.unwrap_pushed(signing.KeyRing(given["keys"]), body_of(given["body"])).decode()}
    return {"envelope": signing.unwrap(signing.KeyRing(given["keys"]), body_of(given["body"]).decode()).decode()}


def response(given):
    if "refusal" in given:
        return push.refusal(given["refusal"])
    if "outcome" in given:
        return push.answer(given["outcome"], given["id"])
    try:
        envelope.parse(body_of(given["body"]))
    except Refused as refused:
        return push.malformed(refused.code)
    return None


def outcome(given):
    return push.settlement(given["status"], given["headers"], given.get("problem"), given.get("now_ms", 0))


def repeats(given):
    receiver = push.Receiver(signing.KeyRing(given["keys"]))
    return {"statuses": [repeated(receiver, request) for request in given["requests"]]}


def repeated(receiver, request):
    headers, body = request["headers"], body_of(request["body"])
    try:
        receiver.prove(headers, body, request["at_ms"])
    except Refused as refused:
        return push.refusal(refused.code)["status"]
    said = response({"body": request["body"]})
    if said is None and envelope.parse(body)["id"] != headers["webhook-id"]:
        return push.refusal("CARRIER_INVALID")["status"]
    said = said or push.answer({"kind": request["becomes"]}, headers["webhook-id"])
    receiver.answered(headers, said["headers"]["waybill-outcome"])
    return said["status"]


def batch(given):
    """As a queue would answer that was empty before."""
    queue, results = {}, []
    for line in push.lines(given["content_type"], body_of(given["body"]).decode()):
        try:
            id = envelope.parse(line)["id"]
            new = id not in queue
            same = queue.setdefault(id, line) == line
            results.append({"id": id, "stored": new} if same else {"code": "ID_CONFLICT"})
        except Refused as refused:
            results.append({"code": refused.code})
    return {"results": results}


def storing(given):
    """The answers of an endpoint that stores jobs to one request after the other, and the jobs in its queue after them."""
    store = Store(given["at"], given["keys"], given.get("has_priorities", True), given.get("keeps_keys", False))
    answers = []
    for request in given["requests"]:
        if request.get("after_end"):
            store.queue.clear()
        method, path = request.get("method", "POST"), request["path"]
        answers.append(store.answer(method, path, request["headers"], body_of(request["body"]), request["at_ms"]))
    waiting = [{"body": held["body"].decode(), "signature": held["signature"]} for held in store.queue.values()]
    return {"answers": answers, "waiting": waiting}


ANSWERS = {
    "valid": label,
    "invalid": label,
    "written": written,
    "retry-schedule": schedule,
    "defaults": settings,
    "timestamps": moment,
    "durations": lambda given: {"ms": duration_ms(given["text"])},
    "dedupe-keys": lambda given: {"key": dedupe.computed_key(**given)},
    "derived-ids": lambda given: {"id": derived.derived_id(given["parts"] if "parts" in given else json.loads(given["text"]))},
    "deadlines": deadline,
    "signature-policies": judged,
    "unknown-types": unknown,
    "runs": run,
    "bindings/sqs": lambda given: bindings.sqs_send(**given),
    "bindings/rabbitmq/queues": lambda given: bindings.rabbitmq_declare(**given),
    "bindings/rabbitmq/routes": lambda given: bindings.rabbitmq_route(**given),
    "push/problems": problem,
    "push/signatures": verified,
    "push/purposes": by_purpose,
    "push/wrappers": unwrapped,
    "push/requests": lambda given: push.delivery(given["headers"]),
    "push/responses": response,
    "push/outcomes": outcome,
    "push/batches": batch,
    "push/repeats": repeats,
    "push/storing": storing,
}


def answer(question):
    folder = question["folder"]
    try:
        return {"expect": ANSWERS[folder](question["input"])}
    except push.NoBatch as none:
        return {"error": {"code": "BATCH_INVALID", "status": none.status}}
    except Refused as refused:
        place = {} if folder.startswith("push/") else {"pointer": refused.pointer}
        return {"error": {"code": refused.code, **place}}


if __name__ == "__main__":
    for line in sys.stdin:
        print(json.dumps(answer(json.loads(line))))
