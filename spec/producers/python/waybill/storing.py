"""Endpoints that store: an ingress, which takes new jobs in, and a relay, which passes pushed ones on. push.md."""

import hashlib

from . import envelope, push
from .refusal import Refused
from .signing import KeyRing, opened, verify_request


class Store:
    """An endpoint before a queue that is in memory and keeps one job of each id."""

    def __init__(self, at, keys, has_priorities=True, keeps_keys=False):
        ring = KeyRing(keys)
        self._is_ingress = at == "ingress"
        self._ring = ring if self._is_ingress else ring.requests()
        self._has_priorities = has_priorities
        self._keeps_keys = keeps_keys
        self._stored = {}
        self.queue = {}

    def answer(self, method, path, headers, body, now_ms):
        """Returns the status, the outcome and the content of the answer's body."""
        try:
            return self._take(method, path, headers, body, now_ms)
        except push.NoBatch as none:
            return {"status": none.status, "outcome": None, "code": "BATCH_INVALID"}
        except Refused as refused:
            known = refused.code in push.REFUSALS
            said = push.refusal(refused.code) if known else push.malformed(refused.code)
            outcome = said["headers"].get("waybill-outcome")
            return {"status": said["status"], "outcome": outcome, "code": refused.code}

    def _take(self, method, path, headers, body, now_ms):
        if path not in (("/jobs", "/jobs/batch") if self._is_ingress else ("/work",)):
            raise Refused("NOT_FOUND", "", "no endpoint is at this path")
        if method != "POST":
            raise Refused("METHOD_NOT_ALLOWED", "", "jobs are POSTed")
        id = verify_request(self._ring, headers, body, now_ms)
        request = (id, headers["webhook-timestamp"])
        if path == "/jobs/batch":
            results = [self._line(request, line) for line in push.lines(headers.get("content-type"), text_of(body))]
            return {"status": 200, "outcome": "completed", "results": results}
        job = self._keep(request, body, self._signature(headers), id)
        return {"status": 200, "outcome": "completed", **job}

    def _signature(self, headers):
        if not self._is_ingress:
            return push.delivery(headers)["signature"]
        return {"timestamp": int(headers["webhook-timestamp"]), "value": headers["webhook-signature"]}

    def _line(self, request, line):
        try:
            return self._keep(request, line.encode(), None, None)
        except Refused as refused:
            return {"code": refused.code}

    def _keep(self, request, body, signature, proven_id):
        """Stores one job, once for each fresh request, even if the job has ended meanwhile."""
        key = (request, hashlib.sha256(body).digest())
        if key in self._stored:
            return {"id": self._stored[key], "stored": False}
        job, body, wrapped = opened(body)
        signature = wrapped or signature
        id = job["id"]
        if proven_id not in (None, id):
            raise Refused("CARRIER_INVALID", "", "signed under another id")
        if ("dedupe" in job and not self._keeps_keys) or (job.get("priority", 0) != 0 and not self._has_priorities):
            raise Refused("NEED_UNSUPPORTED", "", "the queue cannot do this")
        is_new = id not in self.queue
        if not is_new and self.queue[id]["body"] != body:
            raise Refused("ID_CONFLICT", "", "another body is stored under this id")
        other = self._with_key_of(job) if is_new else None
        if other is not None:
            on_conflict = job["dedupe"].get("on_conflict", "reject")
            if on_conflict == "ignore":
                return {"id": id, "stored": False, "duplicate_of": other}
            if on_conflict == "reject":
                raise Refused("DUPLICATE_JOB", "", "another job has its key")
            del self.queue[other]
        self.queue.setdefault(id, {"body": body, "signature": signature})
        self._stored[key] = id
        return {"id": id, "stored": is_new, **({} if other is None else {"replaced": other})}

    def _with_key_of(self, job):
        """Returns the id of the job that has the key of this one. In this queue all jobs wait: none has started."""
        if "dedupe" not in job:
            return None
        name = (job["type"], job["dedupe"]["key"])
        for id, kept in self.queue.items():
            waiting = envelope.parse(kept["body"])
            if "dedupe" in waiting and (waiting["type"], waiting["dedupe"]["key"]) == name:
                return id
        return None


def text_of(body):
    try:
        return body.decode()
    except UnicodeDecodeError:
        raise Refused("ENCODING_INVALID", "", "not UTF-8") from None
