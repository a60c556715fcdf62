import assert from "node:assert/strict";
import type { ContractCase } from "../contract-case.ts";
import { codesOf, valueOf } from "../expect.ts";
import { uniqueIds } from "./applies-to.ts";

const subject = "identity";

export const identityCases: readonly ContractCase[] = [
  {
    subject,
    name: "the same id with the same bytes is stored once, and the second time the result is stored: false",
    appliesTo: uniqueIds,
    async run({ backend, put, leaseExactly, leaseNothing }) {
      const sent = await put();
      assert.deepEqual(
        (await backend.enqueue(sent)).map((result) => valueOf(result).stored),
        [false],
      );
      await leaseExactly(1);
      await leaseNothing();
    },
  },
  {
    subject,
    name: "the same id twice in one batch is stored once",
    appliesTo: uniqueIds,
    async run({ backend, message, leaseExactly, leaseNothing }) {
      const sent = message();
      const receipts = (await backend.enqueue([sent, sent])).map(valueOf);
      assert.deepEqual(
        receipts.map((receipt) => receipt.stored),
        [true, false],
      );
      await leaseExactly(1);
      await leaseNothing();
    },
  },
  {
    subject,
    name: "an id is still taken while its message is leased",
    appliesTo: uniqueIds,
    async run({ backend, put, leaseExactly, leaseNothing }) {
      const sent = await put();
      await leaseExactly(1);
      assert.deepEqual(
        (await backend.enqueue(sent)).map((result) => valueOf(result).stored),
        [false],
      );
      await leaseNothing();
    },
  },
  {
    subject,
    name: "the same id with other bytes is refused with ID_CONFLICT, and the first bytes stay",
    appliesTo: uniqueIds,
    async run({ backend, put, message, leaseOne, leaseNothing }) {
      const [sent] = await put();
      assert.ok(sent);
      const other = message({ id: sent.id, body: sent.body.replace("[]", "[1]") });
      assert.deepEqual(codesOf(await backend.enqueue([other])), ["ID_CONFLICT"]);
      assert.equal((await leaseOne()).body, sent.body);
      await leaseNothing();
    },
  },
];
