import { afterEach, describe, expect, it, vi } from "vitest";
import type { Signature } from "../../src/backend.ts";
import type { Envelope } from "../../src/envelope/index.ts";
import { createRegistry, execute } from "../../src/exports/door.ts";
import { defineJob, keyRing, type SignaturePolicies } from "../../src/index.ts";
import { endOf } from "../../src/total-deadline.ts";
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
    const registry = createRegistry([defineJob({ type: "mail.album_ready", handler() {} })], {
      signatures,
      keys: keyRing(input.keys),
    });
    const label = queue === null ? null : { id: "", type: "mail.album_ready", queue };
    const outcome = await execute({ ...fresh, body: bodyOf(input.body), signature, label }, registry);
    const isInvalid = outcome.kind === "dead" && outcome.reason.code === "SIGNATURE_INVALID";
    expect({ runs: !isInvalid }).toEqual(wanted);
  });
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
      const registry = createRegistry([defineJob({ type: envelope.type, deadline, errors, handler })]);
      const { kind } = await execute(
        { ...fresh, body: JSON.stringify(envelope), signature: null, label: null },
        registry,
      );
      expect({ ends_ms: endOf(envelope, deadline), may_start: started, may_wait: kind === "retry" }).toEqual(wanted);
    },
  );
});
