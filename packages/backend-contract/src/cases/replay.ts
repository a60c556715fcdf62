import assert from "node:assert/strict";
import type { DeadLetterRecord } from "@waybill/core";
import type { ContractCase } from "../contract-case.ts";
import { allOf, inspectable, storeClock } from "./applies-to.ts";
import { makeDeadLetter, inspector } from "./dead-letter.ts";
import { labelOf } from "./retry.ts";

const subject = "replay";

const idsOf = (letters: readonly DeadLetterRecord[]): string[] => letters.map(({ id }) => id);

const rule = (name: string, run: ContractCase["run"]): ContractCase => ({ subject, name, appliesTo: inspectable, run });

export const replayCases: readonly ContractCase[] = [
  rule("a replayed message comes as a first attempt, with nothing lost and nothing released", async (bench) => {
    await bench.put();
    await bench.backend.retry(await bench.leaseOne(), { delayMs: 0, countsAttempt: false });
    await bench.backend.retry(await bench.leaseOne(), { delayMs: 0, countsAttempt: true });
    await bench.backend.deadLetter(await bench.leaseOne(), { code: "TEST", message: "to be replayed" });
    await inspector(bench).replay();
    const { attempt, lost, releases } = await bench.leaseOne();
    assert.deepEqual({ attempt, lost, releases }, { attempt: 1, lost: 0, releases: 0 });
  }),
  {
    subject,
    name: "a replayed message says when it was replayed",
    appliesTo: allOf(inspectable, storeClock),
    async run(bench) {
      await makeDeadLetter(bench);
      await bench.sleep(bench.tickMs);
      const from = Date.now();
      await inspector(bench).replay();
      const { dueAt } = await bench.leaseOne();
      assert.ok(dueAt !== null && dueAt >= from - bench.tickMs / 2, `dueAt is ${dueAt}; it was replayed at ${from}`);
    },
  },
  rule("label and body survive a dead letter and its replay", async (bench) => {
    const priority = bench.backend.capabilities.priorityLevels > 1 ? 3 : 0;
    const signature = { timestamp: 1_790_000_000, value: "v1,c2lnbmF0dXJl" };
    await bench.put({
      type: "mail.album_ready",
      tenant: "acme",
      priority,
      signature,
      body: ' {"b":1.0,"a":"\u2028"}\n',
    });
    const died = await bench.leaseOne();
    await bench.backend.deadLetter(died, { code: "TEST", message: "to be replayed" });
    await inspector(bench).replay();
    assert.deepEqual(labelOf(await bench.leaseOne()), labelOf(died));
  }),
  rule("a replayed message is no dead letter any more", async (bench) => {
    await makeDeadLetter(bench);
    await inspector(bench).replay();
    assert.deepEqual(await inspector(bench).deadLetters(), []);
  }),
  rule("a replay by id replays those ids and returns how many", async (bench) => {
    const [wanted] = [await makeDeadLetter(bench), await makeDeadLetter(bench)];
    assert.equal(await inspector(bench).replay({ ids: [wanted, "no-such-id"] }), 1);
    assert.equal((await bench.leaseOne()).id, wanted);
    await bench.leaseNothing();
  }),
  rule("a replay by queue leaves the dead letters of other queues", async (bench) => {
    const other = `${bench.queue}-other`;
    const [wanted, left] = [await makeDeadLetter(bench), await makeDeadLetter(bench, { queue: other })];
    await inspector(bench).replay({ queue: bench.queue });
    assert.equal((await bench.leaseOne()).id, wanted);
    const dead = await inspector(bench).deadLetters({ queue: other });
    assert.deepEqual(
      dead.map((letter) => letter.id),
      [left],
    );
  }),
  rule("a dropped dead letter is gone for good", async (bench) => {
    await makeDeadLetter(bench);
    assert.equal(await inspector(bench).drop(), 1);
    assert.deepEqual(await inspector(bench).deadLetters(), []);
    await bench.leaseNothing();
  }),
  rule("dead letters are listed by exactly their type", async (bench) => {
    const wanted = await makeDeadLetter(bench, { type: "mail.send" });
    await makeDeadLetter(bench, { type: "mail.send_all" });
    assert.deepEqual(idsOf(await inspector(bench).deadLetters({ type: "mail.send" })), [wanted]);
  }),
  rule("dead letters are listed by exactly their code", async (bench) => {
    const wanted = await makeDeadLetter(bench, {}, { code: "CARD", message: "declined" });
    await makeDeadLetter(bench, {}, { code: "CARD_LOST", message: "CARD" });
    assert.deepEqual(idsOf(await inspector(bench).deadLetters({ code: "CARD" })), [wanted]);
  }),
  rule("dead letters are listed since the diedAt of the first of them", async (bench) => {
    const began = Date.now();
    const died: string[] = [];
    for (let count = 0; count < 3; count += 1) {
      died.push(await makeDeadLetter(bench));
      await bench.sleep(bench.tickMs);
    }
    const [latest, since] = (await inspector(bench).deadLetters({ ids: died.slice(1) }))
      .map(({ diedAt }) => diedAt ?? 0)
      .toSorted((a, b) => b - a) as [number, number];
    // Whether it is a moment at all is the concern of another rule.
    if (since < began - bench.promptMs) return;
    assert.deepEqual(idsOf(await inspector(bench).deadLetters({ since })).toSorted(), died.slice(1).toSorted());
    assert.deepEqual(await inspector(bench).deadLetters({ since: latest + 60_000 }), []);
  }),
  rule("the limit of a list counts what passes its filters", async (bench) => {
    const wanted = await makeDeadLetter(bench, { type: "mail.send" });
    await bench.sleep(bench.tickMs);
    await makeDeadLetter(bench, { type: "photo.resize" });
    assert.deepEqual(idsOf(await inspector(bench).deadLetters({ type: "mail.send", limit: 1 })), [wanted]);
  }),
  rule("a drop takes what passes every filter, returns how many, and leaves the others", async (bench) => {
    const reason = { code: "CARD", message: "declined" };
    const [wanted, otherType] = [
      await makeDeadLetter(bench, { type: "mail.send" }, reason),
      await makeDeadLetter(bench, { type: "photo.resize" }, reason),
    ];
    const otherCode = await makeDeadLetter(bench, { type: "mail.send" });
    const query = { type: "mail.send", code: "CARD", since: Date.now() - 60_000 };
    assert.deepEqual(idsOf(await inspector(bench).deadLetters(query)), [wanted]);
    assert.equal(await inspector(bench).drop(query), 1);
    const left = idsOf(await inspector(bench).deadLetters());
    assert.deepEqual(left.toSorted(), [otherType, otherCode].toSorted());
  }),
  rule("dead letters are listed newest first, as many as asked for", async (bench) => {
    const died: string[] = [];
    for (let count = 0; count < 3; count += 1) {
      died.push(await makeDeadLetter(bench));
      await bench.sleep(bench.tickMs);
    }
    const listed = await inspector(bench).deadLetters({ limit: 2 });
    assert.deepEqual(
      listed.map((letter) => letter.id),
      died.toReversed().slice(0, 2),
    );
  }),
];
