import type { Backend, Message, UniqueKey } from "@waybill/core/backend";
import { memoryBackend } from "@waybill/core/memory";
import { describe, test } from "vitest";
import { withUniqueKeys } from "../packages/core/src/features/unique/unique-backend.ts";
import { contractCases, runBackendContract } from "@waybill/backend-contract";
import { profiles } from "../packages/backend-contract/test/profiles.ts";

/** Runs the rules on unique keys only: the others are run on the backends themselves. */
const rules: ReadonlySet<string> = new Set(
  contractCases.filter(({ subject }) => subject === "unique").map(({ name }) => `unique: ${name}`),
);

/** The rules store bodies that are no envelopes with `dedupe`, so the key of a delivered job comes from what was enqueued. */
function keeping(open: ReturnType<typeof memoryBackend>): () => Promise<Backend> {
  const keys = new Map<string, UniqueKey | null>();
  return async () => {
    const backend = await open();
    const report = { rejected() {}, failed() {}, succeeded() {} };
    const unique = withUniqueKeys(backend, {
      ledger: backend.ledger,
      report,
      uniqueOf: ({ id }) => keys.get(id) ?? null,
    });
    const { jobControl: _, ...offered } = unique as Backend & { jobControl?: unknown };
    return {
      ...offered,
      enqueue(messages: readonly Message[]) {
        for (const { id, unique: key } of messages) keys.set(id, key ?? null);
        return unique.enqueue(messages);
      },
    };
  };
}

const KNOWN: Readonly<Record<string, Readonly<Record<string, string>>>> = {
  "with all it has": {
    'onConflict "replace" frees the id of the job that it removes':
      "a replaced job stays in its queue until it is delivered",
  },
};

for (const [name, capabilities] of Object.entries(profiles)) {
  describe(`a backend without unique keys, beside a ledger, ${name}`, { concurrent: true }, () => {
    const only = (title: string, run: Parameters<typeof test>[1]): void => {
      if (rules.has(title)) test(title, run as never);
    };
    runBackendContract(only as never, {
      tickMs: 20,
      fresh: async () => ({ open: keeping(memoryBackend({ capabilities: { ...capabilities, uniqueKeys: false } })) }),
      knownFailures: KNOWN[name] ?? {},
    });
  });
}
