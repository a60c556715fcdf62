import { setTimeout as sleep } from "node:timers/promises";
import { defineJob, handlerFor, type Jobs, keyRing, newSecret } from "@waybill/core";
import { createReceiver } from "@waybill/http";
import { seeded } from "../../src/random.ts";
import { createGate } from "./watch.ts";

const CONCURRENCY = 20;

/** Returns a value that a handler may throw; the same for the same `random`. */
export type RandomThrown = (random: () => number) => unknown;

function throwing(type: string, randomThrown: RandomThrown, seed: number, ran: Set<number>) {
  const retry = { maxAttempts: 1, onExhaustion: type === "fuzz.kept" ? "dead_letter" : "discard" } as const;
  return handlerFor(defineJob({ type, retry }), (payload) => {
    const number = Number(payload);
    ran.add(number);
    const random = seeded(seed + number);
    const thrown = randomThrown(random);
    if (random() < 0.5) throw thrown;
    return new Promise<void>((_, reject) => setImmediate(reject, thrown));
  });
}

/** Every fiftieth is kept as a dead letter; the others are discarded. Returns what is wrong. */
export async function throwInWorker(
  jobs: Jobs,
  randomThrown: RandomThrown,
  seed: number,
  cases: number,
): Promise<string[]> {
  const faults: string[] = [];
  const ran = new Set<number>();
  const { gate, pass } = createGate(CONCURRENCY);
  const [thrown, kept] = [
    throwing("fuzz.thrown", randomThrown, seed, ran),
    throwing("fuzz.kept", randomThrown, seed, ran),
  ];
  const worker = jobs.worker({ jobs: [thrown, kept, gate], concurrency: CONCURRENCY });
  let settled = 0;
  const odd = new Map<string, number>();
  const off = jobs.events.on("settled", ({ type, outcome }) => {
    // Released by the worker for another to have it: it comes again.
    if (type === "fuzz.gate" || outcome === "release") return;
    settled += 1;
    if (outcome !== "dead") odd.set(outcome, (odd.get(outcome) ?? 0) + 1);
  });
  await worker.start();
  await jobs.enqueueMany(
    Array.from({ length: cases }, (_, number) => ({ job: number % 50 === 0 ? kept : thrown, payload: number })),
  );
  await rest(() => settled, cases);
  if (ran.size !== cases) faults.push(`${cases - ran.size} of ${cases} throwing jobs have not run`);
  if (settled < cases) faults.push(`${cases - settled} of ${cases} throwing jobs are not settled`);
  for (const [outcome, count] of odd) faults.push(`${count} throwing jobs ended as ${outcome}`);
  const lost = await pass(jobs);
  if (lost) faults.push(`after thrown values, ${lost}`);
  off();
  await worker.stop();
  return faults;
}

/** Resolves when `count` says `wanted`, or has said the same for a minute. */
async function rest(count: () => number, wanted: number): Promise<void> {
  let [seen, quiet] = [-1, 0];
  while (seen < wanted && quiet < 120) {
    await sleep(500);
    quiet = count() === seen ? quiet + 1 : 0;
    seen = count();
  }
}

/** The same values out of pushed jobs. */
export async function throwInReceiver(randomThrown: RandomThrown, seed: number, cases: number): Promise<string[]> {
  const faults: string[] = [];
  const keys = keyRing(newSecret());
  const ran = new Set<number>();
  const receiver = createReceiver({
    jobs: [throwing("fuzz.thrown", randomThrown, seed, ran)],
    keys,
    log: "off",
    concurrency: CONCURRENCY,
  });
  let next = 0;
  const odd = new Map<string, number>();
  async function line(): Promise<void> {
    for (let number = next++; number < cases; number = next++) {
      const id = crypto.randomUUID();
      const body = JSON.stringify({
        spec: "waybill/1",
        id,
        type: "fuzz.thrown",
        args: [number],
        created_at: new Date().toISOString(),
      });
      const timestamp = Math.floor(Date.now() / 1_000);
      const response = await receiver(
        new Request("http://localhost/work", {
          method: "POST",
          headers: {
            "content-type": "application/json",
            "webhook-id": id,
            "webhook-timestamp": String(timestamp),
            "webhook-signature": keys.requests.sign({ id, timestamp, body }),
          },
          body,
        }),
      );
      const text = await response.text();
      const said = `${response.status} ${response.headers.get("waybill-outcome")}`;
      if (text.length > 20_000) odd.set("too long", (odd.get("too long") ?? 0) + 1);
      odd.set(said, (odd.get(said) ?? 0) + 1);
    }
  }
  await Promise.all(Array.from({ length: CONCURRENCY }, line));
  if (odd.size !== 1 || !odd.has("422 dead"))
    faults.push(`pushed jobs that throw have other responses: ${JSON.stringify([...odd])}`);
  if (ran.size !== cases) faults.push(`${cases - ran.size} of ${cases} pushed jobs have not run`);
  const { running, waiting } = receiver.load();
  if (running + waiting > 0) faults.push(`a receiver without requests says ${running} running, ${waiting} waiting`);
  await receiver.stop({ drain: 0, abort: 0 });
  return faults;
}
