"""Prints each trap of spec/traps.md as a line: what goes wrong, and what is right. In base64, since some of it is no text."""
import base64, json, uuid
from datetime import datetime, timezone

ID = "019539a4-b68c-7def-8000-1a2b3c4d5e6f"


def envelope(**more):
    return {"spec": "waybill/1", "id": ID, "type": "receipt.send", "args": [{}], **more}


def row(trap, wrong, right):
    as_bytes = [one if isinstance(one, bytes) else one.encode() for one in (wrong, right)]
    wrong, right = (base64.b64encode(one).decode() for one in as_bytes)
    print(json.dumps({"trap": trap, "wrong": wrong, "right": right}))


def dumps(**more):
    return json.dumps(envelope(**more))


nan = float("nan")
row("NaN and infinity", dumps(args=[nan]), json.dumps(envelope(args=[None]), allow_nan=False))
row("large integers", dumps(args=[2**53]), dumps(args=[str(2**53)]))
row("a time without a zone", dumps(created_at=datetime.now().isoformat()), dumps(created_at=datetime.now(timezone.utc).isoformat(timespec="milliseconds")))
row("str() of a time", dumps(created_at=str(datetime.now(timezone.utc))), dumps(created_at=datetime.now(timezone.utc).isoformat()))
half = "\U0001f600".encode("utf-16-le")[:2].decode("utf-16-le", "surrogatepass")
row("half of a surrogate pair", dumps(args=[half]), dumps(args=[half.encode("utf-8", "replace").decode()]))
text = json.dumps(envelope(args=["é"]), ensure_ascii=False)
row("another encoding", text.encode("latin-1"), text.encode())
row("None", dumps(queue=None), dumps())
row("uuid.hex", json.dumps({**envelope(), "id": uuid.uuid4().hex}), json.dumps({**envelope(), "id": str(uuid.uuid4())}))
row("keys that are no strings", json.dumps(envelope(args=[{1: "a", "1": "b"}])), json.dumps(envelope(args=[{"1": "b"}])))
