import { setTimeout as sleep } from "node:timers/promises";
import { connect } from "@waybill/core";
import { describe, expect, test } from "vitest";
import { inProcess, targets } from "../src/backends.ts";
import { eventually, type Running } from "../src/process.ts";
import { freshStore, started, wired } from "./stores.ts";

/** Far longer than any of them takes: only a process that never ends reaches it. */
const LIMIT_MS = 60_000;
/** A process that only idles has ended by then. */
const STAYS_MS = 3_000;

/** What the scripts do, and how many jobs each of them leaves. */
const STORES = {
  enqueues: 1,
  enqueuesByConnectProducer: 1,
  leavesAnEnqueueUnderWay: 1,
  leavesManyUnderWay: 500,
  looks: 1,
  stopsItsWorker: 1,
};

async function endOf({ ended, kill, lines }: Running): Promise<{ code: number | string; events: string[] }> {
  const timer = setTimeout(() => kill("SIGKILL"), LIMIT_MS);
  const code = await ended;
  clearTimeout(timer);
  return { code, events: lines.map(({ event }) => event) };
}

async function storedIn(url: string): Promise<number> {
  const jobs = await connect(url, { log: "off" });
  const counts = (await jobs.inspector?.counts(["default"])) ?? [];
  await jobs.close();
  return counts.reduce((sum, { ready }) => sum + ready, 0);
}

describe.each([inProcess, ...targets])("$name: a script that forgets close()", (target) => {
  const isStored = target !== inProcess;

  test("ends by itself whatever it did, its jobs stored, awaited or not", async () => {
    const scripts = Object.entries(STORES).map(async ([what, count]) => {
      const { url } = await freshStore(target);
      const end = await endOf(started("script", url, what));
      return [what, end, isStored ? await storedIn(url) : count] as const;
    });
    const expected = Object.entries(STORES).map(([what, count]) => [what, { code: 0, events: ["said"] }, count]);
    expect(await Promise.all(scripts)).toEqual(expected);
  });

  test("and runs a worker stays until that is stopped", async () => {
    const { url } = await freshStore(target);
    const running = started("script", url, "works");
    await eventually(() => running.lines.some(({ event }) => event === "settled"), "the job did not run");
    const first = await Promise.race([running.ended, sleep(STAYS_MS, "stays")]);
    expect(first).toBe("stays");
    running.kill("SIGKILL");
  });
});

describe.each(targets.filter(({ startServer }) => startServer !== null))(
  "$name: a script that forgets close()",
  (target) => {
    test("and loses its server ends as well", async () => {
      const { wire, url } = await wired(target, await freshStore(target));
      const running = started("script", url, "losesItsServer");
      await eventually(() => running.lines.length > 0, "it did not enqueue");
      await wire.cut("reset");
      expect(await endOf(running)).toEqual({ code: 0, events: ["said", "said"] });
    });
  },
);
