import assert from "node:assert/strict";
import type { DeadLetterRecord } from "@waybill/core";
import type { Bench, ContractCase } from "../contract-case.ts";
import { allOf, arrivals, inspectable, shareable, uniqueIds } from "./applies-to.ts";
import { inspector } from "./dead-letter.ts";
import { wakes } from "./waiting.ts";

const subject = "inbox";

const TOO_OLD = { code: "TOO_OLD", message: "written by a release that no longer runs" };

/** Leases, which drains, until something is kept; resolves with all of it. */
export async function kept(bench: Bench): Promise<DeadLetterRecord[]> {
  const deadline = performance.now() + bench.eventuallyMs;
  for (;;) {
    await bench.leaseNothing();
    const dead = await inspector(bench).deadLetters();
    if (dead.length > 0) return dead;
    assert.ok(performance.now() < deadline, `nothing was kept within ${bench.eventuallyMs} ms`);
  }
}

const contentOf = ({ body, reason }: DeadLetterRecord): Pick<DeadLetterRecord, "body" | "reason"> => ({ body, reason });

const admitted: readonly ContractCase[] = [
  {
    subject,
    name: "an arrival that is admitted is delivered with the bytes that arrived",
    appliesTo: arrivals,
    async run({ arrive, leaseOne, queue }) {
      const id = crypto.randomUUID();
      const body = ` { "args":[1.0,"żółw \u2028"],  "queue":"${queue}", "id":"${id}" }\n`;
      await arrive({ id, body });
      const { id: found, body: carried, attempt } = await leaseOne();
      assert.deepEqual({ id: found, body: carried, attempt }, { id, body, attempt: 1 });
    },
  },
  {
    subject,
    name: "an arrival wakes a waiting call",
    appliesTo: arrivals,
    run: (bench) => wakes(bench, () => bench.arrive()),
  },
  {
    subject,
    name: "an arrival is one job, however many connections drain",
    appliesTo: allOf(arrivals, shareable),
    async run(bench) {
      const other = await bench.second();
      const sent: string[] = [];
      for (let count = 0; count < 10; count += 1) sent.push((await bench.arrive()).id);
      const looks = [bench.lease({ limit: 10 }), bench.lease({ limit: 10, from: other })];
      const found = (await Promise.all(looks)).flat();
      if (found.length < 10) found.push(...(await bench.leaseExactly(10 - found.length)));
      assert.deepEqual(found.map(({ id }) => id).sort(), sent.sort());
      await bench.leaseNothing();
      await bench.leaseNothing(undefined, { from: other });
    },
  },
  {
    subject,
    name: "an arrival that comes again while its job is leased adds nothing",
    appliesTo: allOf(arrivals, inspectable, uniqueIds),
    async run(bench) {
      const arrival = await bench.arrive();
      await bench.leaseOne();
      await bench.arrive(arrival);
      await bench.leaseNothing(4 * bench.tickMs);
      assert.deepEqual(await inspector(bench).deadLetters(), []);
    },
  },
];

const refused: readonly ContractCase[] = [
  {
    subject,
    name: "what is refused is never delivered, and is kept with its code, its sentence and its bytes",
    appliesTo: allOf(arrivals, inspectable),
    async run(bench) {
      const id = crypto.randomUUID();
      bench.refusals.set(id, TOO_OLD);
      const { body } = await bench.arrive({ id });
      assert.deepEqual((await kept(bench)).map(contentOf), [{ body, reason: TOO_OLD }]);
      await bench.leaseNothing();
    },
  },
  {
    subject,
    name: "what is refused is reported once, as it is listed",
    appliesTo: allOf(arrivals, inspectable),
    async run(bench) {
      const id = crypto.randomUUID();
      bench.refusals.set(id, TOO_OLD);
      await bench.arrive({ id });
      const listed = (await kept(bench)).map(({ id: letter, queue }) => ({ id: letter, queue, reason: TOO_OLD }));
      const deadline = performance.now() + bench.eventuallyMs;
      while (bench.rejections.length === 0 && performance.now() < deadline) await bench.sleep(bench.tickMs);
      await bench.leaseNothing();
      assert.deepEqual(bench.rejections, listed);
    },
  },
  {
    subject,
    name: "what is refused does not hold up what came behind it",
    appliesTo: arrivals,
    async run(bench) {
      const id = crypto.randomUUID();
      bench.refusals.set(id, TOO_OLD);
      await bench.arrive({ id });
      const behind = await bench.arrive();
      assert.equal((await bench.leaseOne()).id, behind.id);
    },
  },
  {
    subject,
    name: "an arrival with other bytes under an id that is taken is kept as ID_CONFLICT",
    appliesTo: allOf(arrivals, inspectable, uniqueIds),
    async run(bench) {
      const { id } = await bench.arrive();
      const leased = await bench.leaseOne();
      const { body } = await bench.arrive({ id, body: `{ "id":"${id}", "queue":"${bench.queue}", "other":true }` });
      const [dead] = await kept(bench);
      assert.deepEqual({ body: dead?.body, code: dead?.reason.code }, { body, code: "ID_CONFLICT" });
      assert.deepEqual(await bench.backend.ack([leased]), [{ ok: true, value: null }]);
    },
  },
  {
    subject,
    name: "what was refused is judged again when it is replayed",
    appliesTo: allOf(arrivals, inspectable),
    async run(bench) {
      const id = crypto.randomUUID();
      bench.refusals.set(id, TOO_OLD);
      await bench.arrive({ id });
      await kept(bench);
      bench.refusals.clear();
      assert.equal(await inspector(bench).replay(), 1);
      assert.equal((await bench.leaseOne()).id, id);
      assert.deepEqual(await inspector(bench).deadLetters(), []);
    },
  },
];

export const inboxCases: readonly ContractCase[] = [...admitted, ...refused];
