/** Which clock decides when a schedule is due: that of the store, however wrong those of running workers become. */
import { writeFileSync } from "node:fs";
import { join } from "node:path";
import { settableClock } from "@waybill/test-servers";
import { expect, onTestFinished, test } from "vitest";
import { targets } from "../src/backends.ts";
import { eventually, type Running, startWith } from "../src/process.ts";
import { readDeeds } from "../src/record.ts";
import { freshStore } from "./stores.ts";

/** Stores with a clock of their own. The others borrow the ledger of one, or are a file on one machine. */
const stores = targets.filter(({ name }) => name === "bullmq" || name === "postgres");
/** Fired by the hosts whose clocks are wrong. */
const TICKS = 5;

const duesOf = ({ lines }: Running): number[] =>
  lines.filter(({ event, result }) => event === "tick" && result === "enqueued").map(({ due }) => Number(due));
const isUp = ({ lines }: Running): boolean => lines.some(({ event }) => event === "booted");

test.each(stores)(
  "on $name, a schedule goes on at its times when the clocks of its workers are set an hour ahead and an hour back: no tick is lost, none comes twice",
  async (target) => {
    const { url, folder } = await freshStore(target);
    const record = join(folder, "deeds");
    const settings = JSON.stringify({ name: "clocks", every: "1s", ms: 5 });
    const started = (env: Readonly<Record<string, string>>): Running => {
      const running = startWith({ env }, "scheduler", url, record, settings);
      onTestFinished(async () => {
        running.kill("SIGKILL");
        await running.ended;
      });
      return running;
    };
    const [ahead, behind] = [join(folder, "clock-ahead"), join(folder, "clock-behind")];
    for (const clock of [ahead, behind]) writeFileSync(clock, "+0");
    const beganAt = Date.now();
    const workers = [started(settableClock(ahead)), started(settableClock(behind))];
    await eventually(
      () => workers.every(isUp) && workers.flatMap(duesOf).length > 0,
      "both are up, and a tick is fired",
    );
    writeFileSync(ahead, "+1h");
    writeFileSync(behind, "-1h");
    const before = workers.flatMap(duesOf).length;
    await eventually(() => workers.flatMap(duesOf).length >= before + TICKS, "they fire it");
    const dues = workers.flatMap(duesOf).toSorted((one, other) => one - other);
    const [first = 0, last = 0] = [dues[0], dues.at(-1)];
    // The servers are on this machine and have its clock.
    expect(first).toBeGreaterThan(beganAt - 1_000);
    expect(last).toBeLessThanOrEqual(Date.now());
    expect(new Set(dues).size, "no tick is enqueued twice").toBe(dues.length);
    const seconds = Array.from({ length: (last - first) / 1_000 + 1 }, (_, n) => first + n * 1_000);
    expect(dues, "no tick is lost").toEqual(seconds);
    const ran = (): number => new Set(readDeeds(record).map(({ id }) => id)).size;
    await eventually(() => ran() >= seconds.length, "each second has its job");
    // A wrong clock that is not there would prove nothing. The last line of a worker may be from before it was set.
    const skews = (): number[] => workers.map(({ lines }) => Date.parse(String(lines.at(-1)?.["at"])) - Date.now());
    await expect.poll(() => skews().map((ms) => Math.round(ms / 3_600_000)), { timeout: 20_000 }).toEqual([1, -1]);
  },
  240_000,
);
