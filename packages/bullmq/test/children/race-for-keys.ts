/** `race-for-keys.ts ROLE URL PREFIX`: a process that enqueues jobs over 100 unique keys, or one that runs them. */
import { setTimeout as sleep } from "node:timers/promises";
import { isWaybillError } from "@waybill/core";
import type { Backend, Message } from "@waybill/core/backend";
import { context } from "@waybill/test-servers/fixtures";
import { bullmqBackend } from "@waybill/bullmq";

const [role, url = "", prefix = ""] = process.argv.slice(2);
// A backend does not keep its process: core does, while a call is under way.
const alive = setInterval(() => undefined, 60_000);
const backend = await opened();

/** Redis may be away just now. */
async function opened(): Promise<Backend> {
  for (;;) {
    try {
      return await bullmqBackend({ url, prefix })(context);
    } catch {
      await sleep(50);
    }
  }
}

const any = <T>(list: readonly T[]): T => list[Math.floor(Math.random() * list.length)] as T;
const queues = ["default", "other"];

/** Of even numbers until the end, of odd ones until the start. */
function keyedJob(): Message {
  const number = Math.floor(Math.random() * 100);
  const unique = {
    key: `shop ${number}`,
    until: number % 2 === 0 ? ("end" as const) : ("start" as const),
    onConflict: any(["reject", "ignore", "replace"] as const),
  };
  const [id, delayMs] = [crypto.randomUUID(), any([0, 0, 0, 30])];
  return {
    id,
    type: "shop.sync",
    queue: any(queues),
    delayMs,
    priority: 0,
    tenant: null,
    signature: null,
    body: "{}",
    unique,
  };
}

/** Enqueues 100 jobs. Each is tried until Redis has judged it. */
async function produce(open: Backend): Promise<void> {
  for (let judged = 0; judged < 100;) {
    try {
      const [result] = await open.enqueue([keyedJob()]);
      if (result?.ok || isWaybillError(result?.error, "DUPLICATE_JOB")) judged += 1;
      else await sleep(50);
      console.log(result?.ok ? (result.value.stored ? "stored" : "ignored") : (result?.error.code ?? ""));
    } catch {
      await sleep(50);
    }
  }
}

async function work(open: Backend, queue: string): Promise<never> {
  const { signal } = new AbortController();
  for (;;) {
    try {
      for (const lease of await open.lease({ queue, limit: 3, leaseMs: 300, waitMs: 500, signal })) {
        await sleep(Math.random() * 10);
        const fate = Math.random();
        if (fate < 0.1) await open.retry(lease, { delayMs: any([0, 20]), countsAttempt: fate < 0.05 });
        else if (fate < 0.15) await open.deadLetter(lease, { code: "TEST", message: "dead" });
        else await open.ack([lease]);
        console.log("settled");
      }
    } catch {
      await sleep(50);
    }
  }
}

if (role === "work") await Promise.all(queues.map((queue) => work(backend, queue)));
else {
  await Promise.all(Array.from({ length: 5 }, () => produce(backend)));
  await backend.close();
  clearInterval(alive);
}
