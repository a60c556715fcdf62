import { connect, type Jobs, type Signature } from "@waybill/core";
import type { Backend, BackendFactory, Lease } from "@waybill/core/backend";
import { memoryBackend } from "@waybill/core/memory";
import { createIngress, createRelay } from "@waybill/http";
import type { PushResponse } from "@waybill/http/carrier";
import { afterEach, beforeEach, describe, expect, it, vi } from "vitest";
import { asked } from "../support/plain-request.ts";
import { type BodyInput, bytesOf, readVectors } from "../support/vectors.ts";

interface Storing {
  readonly at: "ingress" | "relay";
  readonly keys: readonly string[];
  readonly has_priorities?: boolean;
  readonly keeps_keys?: boolean;
  readonly requests: readonly {
    readonly at_ms: number;
    readonly method?: string;
    readonly path: string;
    readonly headers: Readonly<Record<string, string>>;
    readonly body: BodyInput;
    readonly after_end?: true;
  }[];
}

interface Stored {
  readonly answers: readonly object[];
  readonly waiting: readonly { readonly body: string; readonly signature: Signature | null }[];
}

beforeEach(() => void vi.useFakeTimers({ toFake: ["Date"] }));
afterEach(() => void vi.useRealTimers());

async function queueOf(
  hasPriorities: boolean,
  uniqueKeys: boolean,
): Promise<{ jobs: Jobs; lease(): Promise<readonly Lease[]>; end(): Promise<void> }> {
  const open = memoryBackend({ capabilities: { uniqueKeys, ...(!hasPriorities && { priorityLevels: 1 }) } });
  const opened: Backend[] = [];
  const keeping: BackendFactory = async () => {
    const { ledger, ...backend } = await open();
    opened.push(backend);
    // With a ledger it would keep unique keys after all.
    return uniqueKeys ? { ...backend, ledger } : backend;
  };
  const jobs = await connect(keeping, { log: "off" });
  const backend = opened[0] as Backend;
  const { signal } = new AbortController();
  const lease = () => backend.lease({ queue: "default", limit: 100, leaseMs: 60_000, waitMs: 0, signal });
  return { jobs, lease, end: async () => void (await backend.ack(await lease())) };
}

function summary({ status, headers, body }: PushResponse): object {
  const { results, code, ...stored } = JSON.parse(body) as Record<string, unknown>;
  const outcome = headers["waybill-outcome"] ?? null;
  if (code !== undefined) return { status, outcome, code };
  if (results === undefined) return { status, outcome, ...stored };
  const lines = (results as Record<string, unknown>[]).map(({ message, ...line }) => {
    expect(message === undefined).toBe(line["code"] === undefined);
    return line;
  });
  return { status, outcome, results: lines };
}

describe("storing: the responses of an ingress and a relay, and the content of the queue after them", () => {
  it.each(readVectors<Storing, Stored>("storing"))("$name", async ({ input, expect: wanted }) => {
    vi.setSystemTime(input.requests[0]!.at_ms);
    const { jobs, lease, end } = await queueOf(input.has_priorities ?? true, input.keeps_keys ?? false);
    const { at, keys } = input;
    const endpoint = at === "ingress" ? createIngress({ to: jobs, keys }) : createRelay({ to: jobs, keys });
    const answers: object[] = [];
    for (const { at_ms, body, after_end, ...request } of input.requests) {
      vi.setSystemTime(at_ms);
      if (after_end) await end();
      answers.push(summary(await endpoint.receive(asked(bytesOf(body), request))));
    }
    const waiting = (await lease()).map(({ body, signature }) => ({ body, signature }));
    await jobs.close();
    expect({ answers, waiting }).toEqual(wanted);
  });
});
