import { afterEach, beforeEach, expect, test } from "vitest";
import { WaybillError } from "@waybill/core";
import type { Backend, Lease } from "@waybill/core/backend";
import { type FaultProxy, startFaultProxy } from "../fault-proxy.ts";
import { credentials, lease, message, open, useEmulator } from "../fixture.ts";

const emulator = useEmulator();
let proxy: FaultProxy;
let backend: Backend;

beforeEach(async () => {
  proxy = await startFaultProxy(emulator.endpoint);
  backend = await open(proxy.url, { credentials });
});

afterEach(async () => {
  await backend.close();
  await proxy.close();
});

async function leaseAll(count: number): Promise<Lease[]> {
  const found: Lease[] = [];
  while (found.length < count) found.push(...(await lease(backend, { limit: count - found.length, waitMs: 2_000 })));
  return found;
}

const callsOf = (action: string): number[] =>
  proxy.calls.filter((call) => call.action === action).map(({ input }) => input.Entries?.length ?? 0);

/** Makes the entry with this id fail in the first `times` calls of the action. */
function failEntry(action: string, id: string, times: number, failed: { Code: string; SenderFault: boolean }): void {
  let left = times;
  proxy.before = (call) => {
    const entry = call.input.Entries?.find(({ Id }) => Id === id);
    if (call.action !== action || entry === undefined || left <= 0) return null;
    left -= 1;
    const rest = call.input.Entries?.filter(({ Id }) => Id !== id) ?? [];
    const Successful = rest.map(({ Id }) => ({ Id, MessageId: "m", MD5OfMessageBody: "" }));
    const body = { Successful: [], Failed: [{ Id: id, Message: "by the proxy", ...failed }] };
    // The other entries reach the emulator once, and have its results.
    if (rest.length === 0) return { status: 200, body };
    Object.assign(call.input, { Entries: rest });
    return Successful.length > 0 ? forward(call, body) : null;
  };
}

async function forward(call: FaultProxy["calls"][number], body: { Failed: object[] }) {
  const headers = {
    "content-type": "application/x-amz-json-1.0",
    "x-amz-target": `AmazonSQS.${call.action}`,
    authorization: "AWS4-HMAC-SHA256 Credential=test/20260101/us-east-1/sqs/aws4_request",
  };
  const response = await fetch(emulator.endpoint, { method: "POST", headers, body: JSON.stringify(call.input) });
  const output = (await response.json()) as { Successful: object[] };
  return { status: 200, body: { Successful: output.Successful, Failed: body.Failed } };
}

test("R19: a throttled entry is sent again, and the others of its batch are not", async () => {
  failEntry("SendMessageBatch", "1", 2, { Code: "RequestThrottled", SenderFault: true });
  const messages = [message(), message(), message()];
  const results = await backend.enqueue(messages);
  expect(results.map(({ ok }) => ok)).toEqual([true, true, true]);
  expect(callsOf("SendMessageBatch")).toEqual([2, 1, 1]);
  const found = await leaseAll(3);
  expect(found.map(({ id }) => id).sort()).toEqual(messages.map(({ id }) => id).sort());
  expect(await lease(backend)).toEqual([]);
});

test("R19: an entry that fails permanently does not fail the others", async () => {
  failEntry("SendMessageBatch", "0", 1, { Code: "InvalidMessageContents", SenderFault: true });
  const [refused, stored] = await backend.enqueue([message(), message()]);
  expect(refused).toMatchObject({ ok: false, error: { code: "CAPABILITY_MISSING" } });
  expect(stored).toMatchObject({ ok: true });
});

test("an entry that keeps failing at SQS is BACKEND_UNAVAILABLE, and can be acked again", async () => {
  await backend.enqueue([message(), message()]);
  const leases = await leaseAll(2);
  failEntry("DeleteMessageBatch", "0", 4, { Code: "InternalError", SenderFault: false });
  const [first, second] = await backend.ack(leases);
  expect(first).toMatchObject({ ok: false, error: { code: "BACKEND_UNAVAILABLE" } });
  expect(second).toMatchObject({ ok: true });
  expect((await backend.ack(leases)).map((result) => result.ok || result.error.code)).toEqual([true, "LEASE_LOST"]);
});

test("an entry with an invalid receipt handle is LEASE_LOST, and the others are not", async () => {
  await backend.enqueue([message(), message()]);
  const leases = await leaseAll(2);
  failEntry("ChangeMessageVisibilityBatch", "1", 1, { Code: "ReceiptHandleIsInvalid", SenderFault: true });
  const results = await backend.extend(leases, 30_000);
  expect(results.map((result) => result.ok || result.error.code)).toEqual([true, "LEASE_LOST"]);
});

test("an entry without a result is BACKEND_UNAVAILABLE, not stored", async () => {
  proxy.after = (call, output) => (call.action === "SendMessageBatch" ? { ...output, Successful: [] } : output);
  const [result] = await backend.enqueue([message()]);
  expect(result).toMatchObject({ ok: false, error: { code: "BACKEND_UNAVAILABLE" } });
});

test("25 messages, 25 acks and 25 extensions are three requests each; simultaneous retries share requests as well", async () => {
  const messages = Array.from({ length: 25 }, () => message());
  await backend.enqueue(messages);
  const leases = await leaseAll(25);
  await backend.extend(leases, 30_000);
  await Promise.all(leases.map((one) => backend.retry(one, { delayMs: 0, countsAttempt: true })));
  const again = await leaseAll(25);
  expect(again.every(({ attempt }) => attempt === 2)).toBe(true);
  await backend.ack(again);
  expect(callsOf("SendMessageBatch")).toEqual([10, 10, 5, 10, 10, 5]);
  expect(callsOf("ChangeMessageVisibilityBatch")).toEqual([10, 10, 5]);
  expect(callsOf("DeleteMessageBatch")).toEqual([10, 10, 5, 10, 10, 5]);
});

test("a retry whose copy is stored and whose removal fails repeats the removal, without a second copy", async () => {
  await backend.enqueue([message()]);
  const [leased] = await leaseAll(1);
  if (leased === undefined) throw new Error("nothing was leased");
  failEntry("DeleteMessageBatch", "0", 4, { Code: "InternalError", SenderFault: false });
  const retry = (): Promise<void> => backend.retry(leased, { delayMs: 0, countsAttempt: true });
  await expect(retry()).rejects.toMatchObject({ code: "BACKEND_UNAVAILABLE" });
  await retry();
  expect(callsOf("SendMessageBatch")).toEqual([1, 1]);
  expect((await leaseAll(1))[0]).toMatchObject({ attempt: 2 });
  expect(await lease(backend)).toEqual([]);
});

test("too many messages in flight is BACKEND_FULL, and an outage BACKEND_UNAVAILABLE with its cause", async () => {
  proxy.before = () => ({ status: 400, body: { __type: "com.amazonaws.sqs#OverLimit", message: "in flight" } });
  const overLimit = await lease(backend).catch((thrown: unknown) => thrown);
  expect(overLimit).toMatchObject({ code: "BACKEND_FULL" });
  proxy.before = () => ({ status: 503, body: { __type: "ServiceUnavailable", message: "busy" } });
  const [result] = await backend.enqueue([message()]);
  expect(result).toMatchObject({ ok: false, error: { code: "BACKEND_UNAVAILABLE" } });
  expect(result?.ok === false && result.error).toBeInstanceOf(WaybillError);
});
