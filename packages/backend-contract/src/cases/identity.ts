import assert from "node:assert/strict";
import type { ContractCase } from "../contract-case.ts";
import { codesOf, valueOf } from "../expect.ts";
import { uniqueIds } from "./claims.ts";

const subject = "identity";

export const identityCases: readonly ContractCase[] = [
  {
    subject,
    name: "the same id with the same bytes is stored once, and answered stored: false the second time",
    appliesTo: uniqueIds,
    async run({ backend, put, take, takeNothing }) {
      const sent = await put();
      assert.deepEqual(
        (await backend.enqueue(sent)).map((answer) => valueOf(answer).stored),
        [false],
      );
      await take(1);
      await takeNothing();
    },
  },
  {
    subject,
    name: "the same id twice in one batch is stored once",
    appliesTo: uniqueIds,
    async run({ backend, message, take, takeNothing }) {
      const sent = message();
      const receipts = (await backend.enqueue([sent, sent])).map(valueOf);
      assert.deepEqual(
        receipts.map((receipt) => receipt.stored),
        [true, false],
      );
      await take(1);
      await takeNothing();
    },
  },
  {
    subject,
    name: "an id is still taken while its message is leased",
    appliesTo: uniqueIds,
    async run({ backend, put, take, takeNothing }) {
      const sent = await put();
      await take(1);
      assert.deepEqual(
        (await backend.enqueue(sent)).map((answer) => valueOf(answer).stored),
        [false],
      );
      await takeNothing();
    },
  },
  {
    subject,
    name: "the same id with other bytes is answered ID_CONFLICT, and the first bytes stay",
    appliesTo: uniqueIds,
    async run({ backend, put, message, takeOne, takeNothing }) {
      const [sent] = await put();
      assert.ok(sent);
      const other = message({ id: sent.id, body: sent.body.replace("[]", "[1]") });
      assert.deepEqual(codesOf(await backend.enqueue([other])), ["ID_CONFLICT"]);
      assert.equal((await takeOne()).body, sent.body);
      await takeNothing();
    },
  },
];
