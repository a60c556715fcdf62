import { expect, test, vi } from "vitest";
import type { Lease, LeaseRequest } from "../../../src/backend/contract.ts";
import { type BackendVerbs, createCloseGuard } from "../../../src/backend/shared/close-guard.ts";

const lease = {} as Lease;
const verbs: BackendVerbs = {
  enqueue: () => [],
  lease: async () => [lease],
  ack: () => [],
  retry: () => undefined,
  deadLetter: () => undefined,
  extend: () => [],
};

test("verbs work until close is called, and reject BACKEND_CLOSED from then on", async () => {
  let finish = (): void => undefined;
  const guard = createCloseGuard("sqlite:./jobs.db", () => new Promise((resolve) => (finish = resolve)));
  const { enqueue, lease: leaseOf, ack, retry, deadLetter, extend } = guard.verbs(verbs);
  const calls = () => [
    enqueue([]),
    leaseOf({} as LeaseRequest),
    ack([]),
    retry(lease, { delayMs: 0, countsAttempt: true }),
    deadLetter(lease, { code: "TEST", message: "why" }),
    extend([], 1),
  ];
  await expect(Promise.all(calls())).resolves.toEqual([[], [lease], [], undefined, undefined, []]);
  guard.assertOpen();
  expect(guard.isClosed).toBe(false);

  const closing = guard.close();
  const closed = { code: "BACKEND_CLOSED", message: "sqlite:./jobs.db was closed; connect again to use it" };
  for (const call of calls()) await expect(call).rejects.toMatchObject(closed);
  expect(() => guard.assertOpen()).toThrow(expect.objectContaining(closed));
  expect(guard.isClosed).toBe(true);
  finish();
  await closing;
});

test("the connection is closed once, and every caller of close waits for it", async () => {
  const close = vi.fn(async () => undefined);
  const guard = createCloseGuard("memory:", close);
  expect(guard.close()).toBe(guard.close());
  await guard.close();
  expect(close).toHaveBeenCalledTimes(1);
});
