import { setTimeout as sleep } from "node:timers/promises";
import type { Side } from "../brokers/broker.ts";

/** Milliseconds from the call of `enqueue` to the handler, one job at a time on a queue that is idle otherwise. */
export async function lonelyJobs(side: Side, count: number): Promise<number[]> {
  const waits: number[] = [];
  let sentAt = 0;
  const done = side.process(10, count, () => void waits.push(performance.now() - sentAt));
  await sleep(1_000);
  for (let sent = 0; sent < count; sent++) {
    sentAt = performance.now();
    await side.enqueue({ sent });
    while (waits.length <= sent) await sleep(1);
    await sleep(50 + Math.random() * 100);
  }
  await done;
  return waits;
}
