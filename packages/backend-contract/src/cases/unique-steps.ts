import assert from "node:assert/strict";
import type { Receipt, Result } from "@waybill/core";
import type { Message, UniqueKey } from "@waybill/core/backend";
import type { Bench, ContractCase } from "../contract-case.ts";
import { codesOf, valueOf } from "../expect.ts";
import { uniqueKeys } from "./applies-to.ts";

/** A unique key for a message; by default until the end, and rejecting. */
export const unique = (part: Partial<UniqueKey> = {}): { unique: UniqueKey } => ({
  unique: { key: "k", until: "end", onConflict: "reject", ...part },
});

export async function enqueue({ backend, message }: Bench, part: Partial<Message>): Promise<Result<Receipt>> {
  const [result] = await backend.enqueue([message(part)]);
  assert.ok(result, "the message has no result");
  return result;
}

/** Asserts that a message with this key is stored, and returns its receipt. */
export const assertFree = async (bench: Bench, part: Partial<Message> = unique()): Promise<Receipt> =>
  valueOf(await enqueue(bench, part));

/** Asserts that a message with this key is refused because of the job with that id. */
export async function assertTaken(
  bench: Bench,
  id: string | undefined,
  part: Partial<Message> = unique(),
): Promise<void> {
  const result = await enqueue(bench, part);
  assert.deepEqual(codesOf([result]), ["DUPLICATE_JOB"]);
  const rival = !result.ok && "duplicateOf" in result.error ? result.error.duplicateOf : undefined;
  assert.equal(rival, id, "the error does not name the job that has the key");
}

/** Enqueues a message with a key, and returns its id. */
export async function putUnique(
  bench: Bench,
  part: Partial<UniqueKey> = {},
  label: Partial<Message> = {},
): Promise<string> {
  const [sent] = await bench.put({ ...unique(part), ...label });
  assert.ok(sent);
  return sent.id;
}

/** Leases the job and fails it, so that it is ready for its second attempt. */
export async function failOnce(bench: Bench): Promise<void> {
  await bench.backend.retry(await bench.leaseOne(), { delayMs: 0, countsAttempt: true });
}

export const rule = (
  name: string,
  run: ContractCase["run"],
  appliesTo: NonNullable<ContractCase["appliesTo"]> = uniqueKeys,
): ContractCase => ({ subject: "unique", name, appliesTo, run });
