import assert from "node:assert/strict";
import type { ContractCase } from "../contract-case.ts";
import { codesOf, valueOf } from "../expect.ts";
import { bodyLimit } from "./applies-to.ts";

const subject = "enqueue";

export const enqueueCases: readonly ContractCase[] = [
  {
    subject,
    name: "every message gets a result with its own id, in the order given",
    async run({ backend, message }) {
      const messages = Array.from({ length: 5 }, () => message());
      const receipts = (await backend.enqueue(messages)).map(valueOf);
      assert.deepEqual(
        receipts.map((receipt) => receipt.id),
        messages.map((sent) => sent.id),
      );
    },
  },
  {
    subject,
    name: "every verb that takes a list returns an empty list for an empty one",
    async run({ backend, shortMs }) {
      assert.deepEqual(await backend.enqueue([]), []);
      assert.deepEqual(await backend.ack([]), []);
      assert.deepEqual(await backend.extend([], shortMs), []);
    },
  },
  {
    subject,
    name: "a batch as large as maxBatch arrives whole",
    async run({ backend, put, leaseExactly }) {
      const { maxBatch, maxBatchBytes } = backend.capabilities;
      const count = Math.min(maxBatch, Math.floor(maxBatchBytes / 1_024), 1_000);
      const sent = await put(...Array.from({ length: count }, () => ({})));
      const came = new Set((await leaseExactly(count)).map((lease) => lease.id));
      assert.deepEqual(
        sent.filter(({ id }) => !came.has(id)),
        [],
      );
    },
  },
  {
    subject,
    name: "what 20 concurrent calls enqueue arrives whole",
    async run({ put, leaseExactly }) {
      const sent = await Promise.all(Array.from({ length: 20 }, () => put({}, {})));
      const came = new Set((await leaseExactly(40)).map((lease) => lease.id));
      assert.deepEqual(
        sent.flat().filter(({ id }) => !came.has(id)),
        [],
      );
    },
  },
  {
    subject,
    name: "a body over maxBodyBytes is refused, counted in bytes, and neither cut nor stored",
    appliesTo: bodyLimit,
    async run({ backend, message, leaseNothing }) {
      // Two bytes a character: a limit counted in characters lets this pass.
      const body = JSON.stringify("é".repeat(backend.capabilities.maxBodyBytes / 2));
      assert.deepEqual(codesOf(await backend.enqueue([message({ body })])), ["CAPABILITY_MISSING"]);
      await leaseNothing();
    },
  },
  {
    subject,
    name: "a body of exactly maxBodyBytes is stored",
    appliesTo: bodyLimit,
    async run({ backend, put, leaseOne }) {
      const body = JSON.stringify("x".repeat(backend.capabilities.maxBodyBytes - 2));
      await put({ body });
      assert.equal((await leaseOne()).body.length, body.length);
    },
  },
  {
    subject,
    name: "a refused message does not sink its neighbours",
    appliesTo: bodyLimit,
    async run({ backend, message, leaseExactly, leaseNothing }) {
      const body = JSON.stringify("x".repeat(backend.capabilities.maxBodyBytes));
      const [first, refused, last] = [message(), message({ body }), message()];
      const codes = codesOf(await backend.enqueue([first, refused, last]));
      assert.deepEqual(codes, ["ok", "CAPABILITY_MISSING", "ok"]);
      const came = (await leaseExactly(2)).map((lease) => lease.id);
      assert.deepEqual(came.sort(), [first.id, last.id].sort());
      await leaseNothing();
    },
  },
];
