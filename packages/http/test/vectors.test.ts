import { connect, isWaybillError, keyRing, type Outcome } from "@waybill/core";
import { anyJob, RanElsewhere } from "@waybill/core/door";
import { memoryBackend } from "@waybill/core/memory";
import { createIngress, createReceiver, native, sqsd } from "@waybill/http";
import { PushRefused } from "@waybill/http/carrier";
import { afterEach, beforeEach, describe, expect, it, vi } from "vitest";
import { signedBy } from "../src/carriers/native.ts";
import { settlementOf, type Settlement } from "../src/settlement.ts";
import { asked, said } from "./asking.ts";
import { refusals } from "./refusals.ts";
import { type BodyInput, bytesOf, readVectors } from "./vectors.ts";

type Headers = Readonly<Record<string, string>>;

/** What comes out, or under which code it is refused. */
async function answerOf(call: () => Promise<unknown>): Promise<object> {
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

describe("signatures: a request is taken when a key of the ring made one of its values, lately", () => {
  it.each(readVectors<Signed, object>("signatures"))("$name", async ({ input, ...rest }) => {
    const { keys, now_ms, headers } = input;
    const body = bytesOf(input.body);
    vi.setSystemTime(now_ms);
    const open = async (ring: readonly string[]): Promise<void> => {
      const parcel = await signedBy(keyRing(ring)).open(asked(body, { headers }), body);
      expect(parcel).toMatchObject({ provenId: headers["webhook-id"], body: body.toString() });
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
    expect(await answerOf(taken)).toEqual(wanted(rest));
  });
});

type Purpose = "receiver" | "ingress" | "queue";

describe("purposes: a job's signature is no request's, a request's no job's", () => {
  const openedAt: Readonly<Record<Purpose, (request: Signed) => unknown>> = {
    receiver: ({ keys, headers, ...request }) => {
      const body = bytesOf(request.body);
      return native({ keys }).open(asked(body, { headers }), body);
    },
    ingress: ({ keys, headers, ...request }) => {
      const body = bytesOf(request.body);
      return signedBy(keyRing(keys)).open(asked(body, { headers }), body);
    },
    queue: ({ keys, headers, ...request }) => {
      const attributes = Object.entries(headers).map(([name, value]) => [`x-aws-sqsd-attr-${name}`, value]);
      const daemon = { "user-agent": "aws-sqsd/3.0", "x-aws-sqsd-msgid": "m", ...Object.fromEntries(attributes) };
      const body = bytesOf(request.body);
      return sqsd({ keys }).open(asked(body, { headers: daemon }), body);
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
    expect(await answerOf(taken)).toEqual(wanted(rest));
  });
});

describe("wrappers: what is inside comes out when its signature fits, whatever its age", () => {
  const headers = { "user-agent": "aws-sqsd/3.0", "x-aws-sqsd-msgid": "m" };

  it.each(readVectors<Pick<Signed, "keys" | "body">, object>("wrappers"))("$name", async ({ input, ...rest }) => {
    const body = bytesOf(input.body);
    const open = async (): Promise<object> => {
      const parcel = await sqsd({ keys: input.keys }).open(asked(body, { headers }), body);
      return { envelope: parcel?.body };
    };
    expect(await answerOf(open)).toEqual(wanted(rest));
  });
});

describe("requests: what the headers say of the job", () => {
  it.each(readVectors<{ headers: Headers }, object>("requests"))("$name", async ({ input, expect: parcel }) => {
    const taken = await native({ keys: "unsigned" }).open(asked("", input), Buffer.alloc(0));
    expect(taken).toEqual({ ...parcel, body: "", provenId: null, once: null });
  });
});

type Responding =
  | { readonly outcome: Decided; readonly id: string }
  | { readonly body: BodyInput }
  | { readonly refusal: keyof typeof refusals };
type Decided = { kind: Outcome["kind"]; delay_ms?: number; code?: string; kept?: boolean };

describe("responses: what became of a job, as status and headers", () => {
  it.each(readVectors<Responding, object>("responses"))("$name", async ({ input, expect: response }) => {
    if ("refusal" in input) {
      const { status, headers } = said(await refusals[input.refusal]());
      const { "retry-after": seconds, "waybill-delay-ms": ms, ...decided } = headers;
      expect({ status, headers: decided }).toEqual(response);
      // How long is the receiver's to say.
      const wait = headers["waybill-outcome"] === "release" ? expect.stringMatching(/^[1-9]\d*$/) : undefined;
      return expect({ seconds, ms }).toEqual({ seconds: wait, ms: wait });
    }
    const handler = (): void => {
      if ("outcome" in input) throw new RanElsewhere(outcomeOf(input.outcome));
    };
    const receiver = createReceiver({ jobs: [anyJob({ handler })], keys: "unsigned", log: "off" });
    const body =
      "body" in input ? bytesOf(input.body) : JSON.stringify({ spec: "waybill/1", id: input.id, type: "a", args: [] });
    return expect(said(await receiver.receive(asked(body)))).toEqual(response);
  });
});

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

interface Answered {
  readonly status: number;
  readonly headers: Headers;
  readonly problem?: object;
  readonly now_ms?: number;
}

describe("outcomes: what a sender makes of an answer", () => {
  it.each(readVectors<Answered, object>("outcomes"))("$name", ({ input, expect: settled }) => {
    vi.setSystemTime(input.now_ms ?? 0);
    const body = input.problem === undefined ? "" : JSON.stringify(input.problem);
    const { status, headers } = input;
    expect(settles(settlementOf({ kind: "answered", status, headers, body, whole: true }, "there"))).toEqual(settled);
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

describe("repeats: a request that ended its job is not taken again", () => {
  it.each(readVectors<Repeated, object>("repeats"))("$name", async ({ input, expect: wantedStatuses }) => {
    let becomes: Outcome["kind"] = "completed";
    const handler = (): never => {
      throw new RanElsewhere(outcomeOf({ kind: becomes, code: "BECAUSE" }));
    };
    vi.setSystemTime(input.requests[0]!.at_ms);
    const carriers = [signedBy(keyRing(input.keys))];
    const receiver = createReceiver({ jobs: [anyJob({ handler })], carriers, log: "off" });
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

describe("batches: an envelope a line, each stored or refused for itself", () => {
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
