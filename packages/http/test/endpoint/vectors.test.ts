import { connect, isWaybillError, type JobContext, keyRing, type Outcome } from "@waybill/core";
import { forwardEvery, Forwarded } from "@waybill/core/endpoint";
import { memoryBackend } from "@waybill/core/memory";
import { createIngress, createReceiver, native, sqsd } from "@waybill/http";
import { type PushResponse, PushRefused } from "@waybill/http/carrier";
import { afterEach, beforeEach, describe, expect, it, vi } from "vitest";
import { signedBy } from "../../src/carriers/native.ts";
import { settlementOf, type Settlement } from "../../src/sender/settlement.ts";
import { asked, said } from "../support/plain-request.ts";
import { refusals } from "./every-problem.ts";
import { type BodyInput, bytesOf, readVectors } from "../support/vectors.ts";

type Headers = Readonly<Record<string, string>>;

/** Returns the result, or the code of the refusal. */
async function resultOf(call: () => Promise<unknown>): Promise<object> {
  try {
    return { expect: await call() };
  } catch (thrown) {
    if (thrown instanceof PushRefused || isWaybillError(thrown)) return { error: { code: thrown.code } };
    throw thrown;
  }
}

const wanted = ({ expect: outcome, error }: { expect: unknown; error?: object }): object =>
  error === undefined ? { expect: outcome } : { error };

beforeEach(() => void vi.useFakeTimers({ toFake: ["Date"] }));
afterEach(() => void vi.useRealTimers());

interface Signed {
  readonly keys: readonly string[];
  readonly now_ms: number;
  readonly headers: Headers;
  readonly body: BodyInput;
}

describe("signatures: a request is accepted when a key of the ring made one of its values, and its timestamp is fresh", () => {
  it.each(readVectors<Signed, object>("signatures"))("$name", async ({ input, ...rest }) => {
    const { keys, now_ms, headers } = input;
    const body = bytesOf(input.body);
    vi.setSystemTime(now_ms);
    const open = async (ring: readonly string[]): Promise<void> => {
      const delivery = await signedBy(keyRing(ring)).authenticate(asked(body, { headers }), body);
      expect(delivery).toMatchObject({ signedId: headers["webhook-id"], body: body.toString() });
    };
    const taken = async (): Promise<object> => {
      await open(keys);
      const opened = (one: string): Promise<boolean> =>
        open([one]).then(
          () => true,
          () => false,
        );
      const { "webhook-id": id = "", "webhook-timestamp": timestamp } = headers;
      const signs = keyRing(keys).sign({ id, timestamp: Number(timestamp), body });
      return { key: (await Promise.all(keys.map(opened))).indexOf(true), signs };
    };
    expect(await resultOf(taken)).toEqual(wanted(rest));
  });
});

type Purpose = "receiver" | "ingress" | "queue";

describe("purposes: a job's signature is not valid for a request, nor a request's for a job", () => {
  const openedAt: Readonly<Record<Purpose, (request: Signed) => unknown>> = {
    receiver: ({ keys, headers, ...request }) => {
      const body = bytesOf(request.body);
      return native({ keys }).authenticate(asked(body, { headers }), body);
    },
    ingress: ({ keys, headers, ...request }) => {
      const body = bytesOf(request.body);
      return signedBy(keyRing(keys)).authenticate(asked(body, { headers }), body);
    },
    queue: ({ keys, headers, ...request }) => {
      const attributes = Object.entries(headers).map(([name, value]) => [`x-aws-sqsd-attr-${name}`, value]);
      const daemon = { "user-agent": "aws-sqsd/3.0", "x-aws-sqsd-msgid": "m", ...Object.fromEntries(attributes) };
      const body = bytesOf(request.body);
      return sqsd({ keys }).authenticate(asked(body, { headers: daemon }), body);
    },
  };

  it.each(readVectors<Signed & { at: Purpose }, object>("purposes"))("$name", async ({ input, ...rest }) => {
    const { keys, headers, now_ms } = input;
    vi.setSystemTime(now_ms);
    const opens = async (ring: readonly string[]): Promise<void> =>
      void (await openedAt[input.at]({ ...input, keys: ring }));
    const taken = async (): Promise<object> => {
      await opens(keys);
      const opened = keys.map((one) =>
        opens([one]).then(
          () => true,
          () => false,
        ),
      );
      const { "webhook-id": id = "", "webhook-timestamp": timestamp } = headers;
      const ring = input.at === "receiver" ? keyRing(keys).requests : keyRing(keys);
      const signs = ring.sign({ id, timestamp: Number(timestamp), body: bytesOf(input.body) });
      return { key: (await Promise.all(opened)).indexOf(true), signs };
    };
    expect(await resultOf(taken)).toEqual(wanted(rest));
  });
});

describe("wrappers: the envelope inside is accepted when its signature is valid, whatever its age", () => {
  const headers = { "user-agent": "aws-sqsd/3.0", "x-aws-sqsd-msgid": "m" };

  it.each(readVectors<Wrapped, object>("wrappers"))("$name", async ({ input, ...rest }) => {
    if (input.at === "receiver") return expect(await pushed(input)).toEqual(wanted(rest));
    const body = bytesOf(input.body);
    const open = async (): Promise<object> => {
      const delivery = await sqsd({ keys: input.keys }).authenticate(asked(body, { headers }), body);
      return { envelope: delivery?.body };
    };
    return expect(await resultOf(open)).toEqual(wanted(rest));
  });
});

type Wrapped = Pick<Signed, "keys" | "body"> & { readonly at?: "receiver" };

/** The envelope that runs at a receiver with these keys and no policy, in a request that they signed. */
async function pushed({ keys, body }: Wrapped): Promise<object> {
  let ran: string | null = null;
  const handler = (_: unknown, { delivery }: JobContext): void => void (ran = delivery.body);
  const receiver = createReceiver({ jobs: [forwardEvery({ handler })], keys, log: "off" });
  const bytes = bytesOf(body);
  const { id = "" } = JSON.parse(bytes.toString()) as { readonly id?: string };
  const timestamp = Math.floor(Date.now() / 1_000);
  const signature = keyRing(keys).requests.sign({ id, timestamp, body: bytes });
  const headers = { "webhook-id": id, "webhook-timestamp": String(timestamp), "webhook-signature": signature };
  const response = await receiver.receive(asked(bytes, { headers }));
  if (response.status === 200) return { expect: { envelope: ran } };
  return { error: { code: (JSON.parse(response.body) as { readonly code: string }).code } };
}

describe("requests: the headers' counts and times of the job", () => {
  it.each(readVectors<{ headers: Headers }, object>("requests"))("$name", async ({ input, expect: delivery }) => {
    const taken = await native({ keys: "unsigned" }).authenticate(asked("", input), Buffer.alloc(0));
    expect(taken).toEqual({ ...delivery, body: "", signedId: null, replayProtection: null });
  });
});

type Responding =
  | { readonly outcome: Decided; readonly id: string }
  | { readonly body: BodyInput }
  | { readonly refusal: keyof typeof refusals };
type Decided = { kind: Outcome["kind"]; delay_ms?: number; code?: string; kept?: boolean };

describe("responses: a job's outcome as status and headers", () => {
  it.each(readVectors<Responding, object>("responses"))("$name", async ({ input, expect: response }) => {
    if ("refusal" in input) {
      const { status, headers } = said(await respondedTo(input));
      const { "retry-after": seconds, "waybill-delay-ms": ms, ...decided } = headers;
      expect({ status, headers: decided }).toEqual(response);
      // How long is the receiver's to say.
      const wait = headers["waybill-outcome"] === "release" ? expect.stringMatching(/^[1-9]\d*$/) : undefined;
      return expect({ seconds, ms }).toEqual({ seconds: wait, ms: wait });
    }
    return expect(said(await respondedTo(input))).toEqual(response);
  });
});

describe("problems: the body of a response that is not completed", () => {
  it.each(readVectors<Responding, object>("problems"))("$name", async ({ input, expect: problem }) => {
    const { status, headers, body } = await respondedTo(input);
    const { type, code, status: written, title } = JSON.parse(body) as Record<string, unknown>;
    expect({ status, written }).toEqual({ status, written: status });
    expect([headers["content-type"], title]).toEqual(["application/problem+json", expect.stringMatching(/\w/)]);
    expect({ type, status, code }).toEqual(problem);
  });
});

async function respondedTo(input: Responding): Promise<PushResponse> {
  if ("refusal" in input) return refusals[input.refusal]();
  const handler = (): void => {
    if ("outcome" in input) throw new Forwarded(outcomeOf(input.outcome));
  };
  const receiver = createReceiver({ jobs: [forwardEvery({ handler })], keys: "unsigned", log: "off" });
  const body =
    "body" in input ? bytesOf(input.body) : JSON.stringify({ spec: "waybill/1", id: input.id, type: "a", args: [] });
  return receiver.receive(asked(body));
}

function outcomeOf({ kind, delay_ms: delayMs = 0, code = "", kept = true }: Decided): Outcome {
  const reason = { code, message: "because" };
  switch (kind) {
    case "completed":
      return { kind };
    case "retry":
      return { kind, delayMs, reason, error: new Error("because") };
    case "release":
      return { kind, delayMs, reason };
    case "dead":
      return { kind, reason, kept };
  }
}

interface Responded {
  readonly status: number;
  readonly headers: Headers;
  readonly problem?: object;
  readonly now_ms?: number;
}

describe("outcomes: how a sender settles a job by a response", () => {
  it.each(readVectors<Responded, object>("outcomes"))("$name", ({ input, expect: settled }) => {
    vi.setSystemTime(input.now_ms ?? 0);
    const body = input.problem === undefined ? "" : JSON.stringify(input.problem);
    const { status, headers } = input;
    expect(settles(settlementOf({ kind: "responded", status, headers, body, whole: true }, "there"))).toEqual(settled);
  });
});

function settles(settlement: Settlement): object {
  switch (settlement.kind) {
    case "failed":
      return { does: "attempt_failed", code: settlement.code };
    case "undelivered":
      return { does: "not_delivered", delay_ms: settlement.delayMs, code: settlement.code };
    case "lost":
      return { does: "lost" };
    case "decided": {
      const { outcome } = settlement;
      if (outcome.kind === "completed") return { does: "ack" };
      const { code } = outcome.reason;
      if (outcome.kind === "dead") return { does: outcome.kept ? "dead_letter" : "forget", code };
      return { does: outcome.kind, delay_ms: outcome.delayMs, code };
    }
  }
}

interface Repeated {
  readonly keys: readonly string[];
  readonly requests: readonly (Omit<Signed, "keys" | "now_ms"> & { at_ms: number; becomes: Outcome["kind"] })[];
}

describe("repeats: a request that ended its job is not accepted again", () => {
  it.each(readVectors<Repeated, object>("repeats"))("$name", async ({ input, expect: wantedStatuses }) => {
    let becomes: Outcome["kind"] = "completed";
    const handler = (): never => {
      throw new Forwarded(outcomeOf({ kind: becomes, code: "BECAUSE" }));
    };
    vi.setSystemTime(input.requests[0]!.at_ms);
    const carriers = [signedBy(keyRing(input.keys))];
    const receiver = createReceiver({ jobs: [forwardEvery({ handler })], carriers, log: "off" });
    const statuses: number[] = [];
    for (const { at_ms, headers, body, ...request } of input.requests) {
      vi.setSystemTime(at_ms);
      becomes = request.becomes;
      statuses.push((await receiver.receive(asked(bytesOf(body), { headers }))).status);
    }
    expect({ statuses }).toEqual(wantedStatuses);
  });
});

interface Batch {
  readonly content_type: string | null;
  readonly body: BodyInput;
}

describe("batches: one envelope for each line, each stored or refused by itself", () => {
  it.each(readVectors<Batch, object>("batches"))("$name", async ({ input, ...rest }) => {
    const jobs = await connect(memoryBackend(), { log: "off" });
    const headers = input.content_type === null ? {} : { "content-type": input.content_type };
    const ingress = createIngress({ to: jobs, keys: "unsigned" });
    const { status, body } = await ingress.receive(asked(bytesOf(input.body), { headers, path: "/jobs/batch" }));
    await jobs.close();
    const { results, code } = JSON.parse(body) as { results?: Record<string, unknown>[]; code?: string };
    const plain = results?.map((one) => (one["stored"] === undefined ? { code: one["code"] } : one));
    expect(plain === undefined ? { error: { code, status } } : { expect: { results: plain } }).toEqual(wanted(rest));
  });
});
