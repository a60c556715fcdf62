import { execFileSync } from "node:child_process";
import { readFileSync } from "node:fs";
import { join } from "node:path";
import { describe, expect, test } from "vitest";
import { cronTicks } from "../../../src/features/schedules/cron-ticks.ts";
import { intervalTicks, latestTicks, type Tick, type Ticks } from "../../../src/features/schedules/tick.ts";

interface Vector {
  readonly zone: string;
  readonly cron: string;
  readonly after: string;
  readonly until: string;
  /** In order, joined by blanks. */
  readonly ticks: string;
}

const file = join(import.meta.dirname, "cron-ticks.json");
const vectors = JSON.parse(readFileSync(file, "utf8")) as readonly Vector[];

const shown = (at: number): string => new Date(at).toISOString().replace(":00.000Z", "Z");

function between(ticks: Ticks, after: string, until: string): Tick[] {
  const found: Tick[] = [];
  for (let tick = ticks.after(Date.parse(after)); tick !== null; tick = ticks.following(tick)) {
    if (tick.at > Date.parse(until)) break;
    found.push(tick);
  }
  return found;
}

test("the table is what Debian's rules and Python's time zones say", () => {
  const printed = execFileSync("python3", [join(import.meta.dirname, "debian-cron.py")], { encoding: "utf8" });
  expect(JSON.parse(printed)).toEqual(vectors);
  expect(new Set(vectors.map(({ zone }) => zone)).size).toBe(4);
});

describe.each([...new Set(vectors.map(({ zone }) => zone))])("%s", (zone) => {
  test.each(vectors.filter((vector) => vector.zone === zone))(
    "$cron ticks as Debian's cron runs it, after $after",
    async ({ cron, after, until, ticks }) => {
      const found = between(await cronTicks(cron, zone, "test"), after, until);
      expect(found.map(({ at }) => shown(at)).join(" ")).toBe(ticks);
    },
  );

  test("a tick is the first after any time between the tick before and itself", async () => {
    for (const { cron, after, until } of vectors.filter((vector) => vector.zone === zone)) {
      const ticks = await cronTicks(cron, zone, "test");
      const found = between(ticks, after, until);
      for (const [index, tick] of found.entries()) {
        const before = found[index - 1]?.at ?? Date.parse(after);
        if (before === tick.at) continue;
        expect(ticks.after(before)).toEqual(tick);
        expect(ticks.after(tick.at - 1)).toEqual(tick);
      }
    }
  });
});

test("each tick differs from every other, also where several meet after a skipped hour", async () => {
  const ticks = await cronTicks("0,30 1-3 * * *", "Europe/Vienna", "test");
  const found = between(ticks, "2026-03-28T12:00Z", "2026-03-29T12:00Z");
  expect(found.filter(({ at }) => shown(at) === "2026-03-29T01:00Z")).toHaveLength(3);
  expect(new Set(found.map((tick) => JSON.stringify(tick))).size).toBe(found.length);
});

test("the last ticks are those that counting from the first would give", async () => {
  for (const cron of ["*/7 * * * *", "30 2 * * *", "0 0 * * SUN"]) {
    const ticks = await cronTicks(cron, "Europe/Vienna", "test");
    const first = ticks.after(Date.parse("2026-03-25T00:00Z")) as Tick;
    for (const until of ["2026-03-29T01:00Z", "2026-04-05T07:13Z"]) {
      const all = [first, ...between(ticks, shown(first.at), until)].filter(({ at }) => at <= Date.parse(until));
      for (const most of [1, 3, 50]) {
        expect(latestTicks(ticks, first, Date.parse(until), most), `${cron} ${until}`).toEqual(all.slice(-most));
      }
    }
  }
});

test("an interval ticks at its multiples, whenever a process starts", () => {
  const ticks = intervalTicks(10_000);
  expect(ticks.after(12_345)).toEqual({ at: 20_000, skipped: null });
  expect(ticks.after(20_000)).toEqual({ at: 30_000, skipped: null });
  expect(latestTicks(ticks, { at: 20_000, skipped: null }, 10_000_000_005, 2).map(({ at }) => at)).toEqual([
    9_999_990_000, 10_000_000_000,
  ]);
});

test.each([
  ["0 0 9 * * MON", /has 6 fields; write five: .* For seconds, use `every: "10s"`/],
  ["0 9 * *", /has 4 fields; write five/],
  ["0 0 30 2 *", /"0 0 30 2 \*": no such date ever comes/],
  ["0 0 31 4,6 *", /no such date ever comes/],
  ["60 * * * *", /Invalid value for minute: 60/],
  ["? 9 * * *", /"\?" is no field of cron/],
  ["0 9 * * FUNDAY", /"0 9 \* \* FUNDAY"/],
  [5, /cron of schedule "nightly" is 5: write five fields/],
])("the expression %j is refused", async (cron, message) => {
  await expect(cronTicks(cron as string, "UTC", 'schedule "nightly"')).rejects.toMatchObject({
    code: "CONFIG_INVALID",
    message: expect.stringMatching(message),
  });
});

test.each(["Europe/Wien", "", "CEST+1", 7, null])("the zone %j is refused", async (zone) => {
  await expect(cronTicks("0 9 * * *", zone as string, 'schedule "nightly"')).rejects.toMatchObject({
    code: "CONFIG_INVALID",
    message: expect.stringMatching(/^timeZone of schedule "nightly" is .*: write a name of the IANA database/),
  });
});

test.each(["@daily", "0 0 29 2 *", "0 9 L * *", "0 9 * * MON#2", "0 9 * JAN-MAR 1-5"])(
  "the expression %s has ticks",
  async (cron) => {
    const ticks = await cronTicks(cron, "UTC", "test");
    expect(ticks.after(Date.parse("2096-03-01T00:00Z"))?.at).toBeGreaterThan(Date.parse("2096-03-01T00:00Z"));
  },
);
