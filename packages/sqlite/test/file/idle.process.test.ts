import { setTimeout as sleep } from "node:timers/promises";
import { expect, test } from "vitest";
import { start } from "../children/start.ts";
import { message, open, temporaryFile } from "../temporary-file.ts";

test("a process that waits wakes within 50 ms of a commit in another, and does not spin", async () => {
  const path = temporaryFile();
  const backend = await open({ path });
  const waiter = start("wait", path, { ms: 10_000 });
  await waiter.firstLines(1);
  await sleep(1_000);
  const sentAt = new Map<string, number>();
  for (let n = 0; n < 8; n += 1) {
    await sleep(150 + Math.random() * 40);
    const sent = message();
    await backend.enqueue([sent]);
    sentAt.set(sent.id, Date.now());
  }
  expect(await waiter.ended).toBe(0);
  const came = waiter.lines().slice(1, -1);
  expect(came).toHaveLength(8);
  const waits = came.map((line) => {
    const [id = "", at] = line.split(" ");
    return Number(at) - (sentAt.get(id) ?? 0);
  });
  // One in eight may have met a machine busy elsewhere.
  expect(waits.toSorted((a, b) => a - b)[6]).toBeLessThan(50);
  const cpuMs = Number(waiter.lines().at(-1)?.split(" ")[1]);
  // About 100 ms on a quiet machine, for 10 s of waiting; a loop that polls without a pause takes all 10,000.
  expect(cpuMs).toBeLessThan(1_000);
});
