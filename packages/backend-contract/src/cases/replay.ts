import assert from "node:assert/strict";
import type { ContractCase } from "../contract-case.ts";
import { inspectable } from "./claims.ts";
import { bury, inspector } from "./dead-letter.ts";
import { labelOf } from "./retry.ts";

const subject = "replay";

const rule = (name: string, run: ContractCase["run"]): ContractCase => ({ subject, name, appliesTo: inspectable, run });

export const replayCases: readonly ContractCase[] = [
  rule("a replayed message comes as a first attempt, with nothing lost and nothing released", async (bench) => {
    await bench.put();
    await bench.backend.retry(await bench.takeOne(), { delayMs: 0, countsAttempt: false });
    await bench.backend.retry(await bench.takeOne(), { delayMs: 0, countsAttempt: true });
    await bench.backend.deadLetter(await bench.takeOne(), { code: "TEST", message: "to be replayed" });
    await inspector(bench).replay();
    const { attempt, lost, releases } = await bench.takeOne();
    assert.deepEqual({ attempt, lost, releases }, { attempt: 1, lost: 0, releases: 0 });
  }),
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
    const buried = await bench.takeOne();
    await bench.backend.deadLetter(buried, { code: "TEST", message: "to be replayed" });
    await inspector(bench).replay();
    assert.deepEqual(labelOf(await bench.takeOne()), labelOf(buried));
  }),
  rule("a replayed message is no dead letter any more", async (bench) => {
    await bury(bench);
    await inspector(bench).replay();
    assert.deepEqual(await inspector(bench).deadLetters(), []);
  }),
  rule("a replay by id replays those ids and answers how many", async (bench) => {
    const [wanted] = [await bury(bench), await bury(bench)];
    assert.equal(await inspector(bench).replay({ ids: [wanted, "no-such-id"] }), 1);
    assert.equal((await bench.takeOne()).id, wanted);
    await bench.takeNothing();
  }),
  rule("a replay by queue leaves the dead letters of other queues", async (bench) => {
    const other = `${bench.queue}-other`;
    const [wanted, left] = [await bury(bench), await bury(bench, { queue: other })];
    await inspector(bench).replay({ queue: bench.queue });
    assert.equal((await bench.takeOne()).id, wanted);
    const dead = await inspector(bench).deadLetters({ queue: other });
    assert.deepEqual(
      dead.map((letter) => letter.id),
      [left],
    );
  }),
  rule("a dropped dead letter is gone for good", async (bench) => {
    await bury(bench);
    assert.equal(await inspector(bench).drop(), 1);
    assert.deepEqual(await inspector(bench).deadLetters(), []);
    await bench.takeNothing();
  }),
  rule("dead letters are listed newest first, as many as asked for", async (bench) => {
    const died: string[] = [];
    for (let count = 0; count < 3; count += 1) {
      died.push(await bury(bench));
      await bench.sleep(bench.tickMs);
    }
    const listed = await inspector(bench).deadLetters({ limit: 2 });
    assert.deepEqual(
      listed.map((letter) => letter.id),
      died.toReversed().slice(0, 2),
    );
  }),
];
