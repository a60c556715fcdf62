import { afterEach, describe, expect, it, vi } from "vitest";
import type { Signature } from "../../src/backend/contract.ts";
import type { Envelope } from "../../src/envelope/index.ts";
import { unlimited } from "../../src/backend/capabilities.ts";
import { createHandlerRegistry, execute } from "../../src/exports/endpoint.ts";
import { DeadLetter, defineJob, Discard, keyRing, type SignaturePolicies } from "../../src/index.ts";
import { endOf } from "../../src/execution/job-deadline.ts";
import { type BodyInput, bodyOf, readVectors } from "./vectors.ts";

const fresh = { attempt: 1, lost: 0, releases: 0, dueAt: null, worker: "test" };

interface Judged {
  readonly policies: SignaturePolicies;
  readonly queue: string | null;
  readonly keys: readonly string[];
  readonly signature: Signature | null;
  readonly body: BodyInput;
}

describe("signature policies: what a worker that was told so does with a job", () => {
  it.each(readVectors<Judged, { runs: boolean }>("signature-policies"))("$name", async ({ input, expect: wanted }) => {
    const { policies: signatures, queue, signature } = input;
    const registry = createHandlerRegistry([defineJob({ type: "mail.album_ready", handler() {} })], {
      signatures,
      keys: keyRing(input.keys),
    });
    const label = queue === null ? null : { id: "", type: "mail.album_ready", queue };
    const outcome = await execute({ ...fresh, body: bodyOf(input.body), signature, label }, registry);
    const isInvalid = outcome.kind === "dead" && outcome.reason.code === "SIGNATURE_INVALID";
    expect({ runs: !isInvalid }).toEqual(wanted);
  });
});

interface Unknown {
  readonly envelope: Envelope;
  readonly attempt: number;
  readonly releases: number;
  readonly now_ms: number;
}

describe("unknown types: how long a job waits whose type has no handler, and when it is dead", () => {
  afterEach(() => void vi.useRealTimers());

  it.each(readVectors<Unknown, { waits_ms: number | null }>("unknown-types"))(
    "$name",
    async ({ input, expect: wanted }) => {
      const { envelope, attempt, releases, now_ms } = input;
      vi.useFakeTimers({ toFake: ["Date"], now: now_ms });
      const registry = createHandlerRegistry([defineJob({ type: "other", handler() {} })]);
      const delivery = { ...fresh, attempt, releases, isDue: true, signature: null, label: null };
      const outcome = await execute({ ...delivery, body: JSON.stringify(envelope) }, registry);
      expect(outcome).toMatchObject({ reason: { code: "JOB_UNKNOWN" } });
      expect({ waits_ms: outcome.kind === "release" ? outcome.delayMs : null }).toEqual(wanted);
    },
  );
});

interface Hurried {
  readonly envelope: Envelope;
  readonly deadline_ms: number;
  readonly now_ms: number;
  readonly wait_ms: number;
}

describe("deadlines: when a job must have ended, and what that leaves", () => {
  afterEach(() => void vi.useRealTimers());

  it.each(readVectors<Hurried, { ends_ms: number | null; may_start: boolean; may_wait: boolean }>("deadlines"))(
    "$name",
    async ({ input, expect: wanted }) => {
      const { envelope, deadline_ms: deadline, now_ms, wait_ms } = input;
      vi.useFakeTimers({ toFake: ["Date"], now: now_ms });
      let started = false;
      const handler = (): never => {
        started = true;
        throw new Error("again");
      };
      const errors = [{ error: Error, do: "retry", delay: wait_ms }] as const;
      const registry = createHandlerRegistry([defineJob({ type: envelope.type, deadline, errors, handler })]);
      const { kind } = await execute(
        { ...fresh, body: JSON.stringify(envelope), signature: null, label: null },
        registry,
      );
      expect({ ends_ms: endOf(envelope, deadline), may_start: started, may_wait: kind === "retry" }).toEqual(wanted);
    },
  );
});

interface Running {
  readonly envelope: Envelope;
  readonly attempt: number;
  readonly lost: number;
  readonly now_ms: number;
  readonly has_handler: boolean;
  readonly deadline_ms: number | null;
  readonly throws: string | null;
  readonly ends?: "dead_letter" | "discard";
}

describe("runs: which judgement of a job comes first, and what its end means", () => {
  afterEach(() => void vi.useRealTimers());

  it.each(readVectors<Running, object>("runs"))("$name", async ({ input, expect: wanted }) => {
    const { envelope, attempt, lost, now_ms, has_handler, deadline_ms, throws, ends } = input;
    vi.useFakeTimers({ toFake: ["Date"], now: now_ms });
    let starts = false;
    const handler = (): void => {
      starts = true;
      if (ends === "dead_letter") throw new DeadLetter("the album is gone");
      if (ends === "discard") throw new Discard("the album is gone");
      if (throws !== null) throw Object.assign(new Error("it failed"), { code: throws });
    };
    const type = has_handler ? envelope.type : "other";
    const registry = createHandlerRegistry(
      [defineJob({ type, handler, ...(deadline_ms && { deadline: deadline_ms }) })],
      { capabilities: { ...unlimited, uniqueKeys: false } },
    );
    const delivery = { ...fresh, attempt, lost, signature: null, label: null };
    const outcome = await execute({ ...delivery, body: JSON.stringify(envelope) }, registry);
    const code = outcome.kind === "completed" ? null : outcome.reason.code;
    const kept = outcome.kind === "dead" ? outcome.kept : null;
    expect({ starts, outcome: outcome.kind, code, kept }).toEqual(wanted);
  });
});
