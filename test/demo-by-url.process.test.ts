import { execFileSync } from "node:child_process";
import { mkdtempSync, rmSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { connect } from "@waybill/core";
import { createDashboard } from "@waybill/dashboard";
import { serviceUrl } from "@waybill/test-servers";
import { afterEach, beforeEach, describe, expect, test } from "vitest";
import { root } from "./workspace.ts";

let folder = "";
beforeEach(() => {
  folder = mkdtempSync(join(tmpdir(), "waybill-by-url-"));
});
afterEach(() => rmSync(folder, { recursive: true }));

/** The last line of one run of the built demo over the four photos. */
function runDemo(name: string, env: NodeJS.ProcessEnv): { readonly album: string } {
  const args = [join(root, "apps/demo/dist/launch.js"), "--once", join(root, "docs/photos")];
  const stdout = execFileSync(process.execPath, args, {
    encoding: "utf8",
    stdio: ["ignore", "pipe", "ignore"],
    env: { ...process.env, ...env, DEMO_DATA: join(folder, name) },
  });
  return JSON.parse(stdout.trimEnd().split("\n").at(-1) ?? "") as { readonly album: string };
}

interface Timeline {
  readonly type: string;
  readonly state: string;
  readonly attempts: readonly object[];
}

const isBroker = (url: string): boolean => /^(sqs|amqps?):/.test(url);

/** What the dashboard has of each job of the album afterwards. */
async function timelinesIn(name: string, url: string, album: string): Promise<Timeline[]> {
  const ledger = { ledger: `sqlite:${join(folder, name, "records.db")}` };
  const jobs = await connect(url, { log: "off", ...(isBroker(url) && ledger) });
  const dashboard = createDashboard({ connections: { main: jobs }, auth: "loopback" });
  const { records } = await jobs.records.find({ text: album, limit: 100 });
  const timelines = records.map(async ({ id }) => {
    const response = await dashboard(new Request(`http://localhost/api/main/job?id=${id}`));
    return ((await response.json()) as { readonly record: Timeline }).record;
  });
  const found = await Promise.all(timelines);
  await jobs.close();
  return found;
}

/** How many jobs have completed. One that was enqueued again once it had ended is the same job: its id is free by then. */
async function completedIn(url: string): Promise<number> {
  const jobs = await connect(url, { log: "off" });
  const { records } = await jobs.records.find({ state: "completed", limit: 100 });
  await jobs.close();
  return records.length;
}

// Four photos in three sizes, the album's sheet and its mail.
test("R22: the same build of the demo runs where WAYBILL_URL says, and nowhere else", async () => {
  const byDefault = `sqlite:${join(folder, "one", "waybill.db")}`;
  const elsewhere = `sqlite:${join(folder, "elsewhere.db")}`;
  expect(runDemo("one", { WAYBILL_URL: "" })).toMatchObject({ enqueued: 14, completed: 14, dead: 0 });
  expect(runDemo("two", { WAYBILL_URL: elsewhere })).toMatchObject({ enqueued: 14, completed: 14, dead: 0 });
  expect([await completedIn(byDefault), await completedIn(elsewhere)]).toEqual([14, 14]);
});

describe("R20, R22: the same build of the demo, unchanged, passes under all five URLs", () => {
  const own = `demo${Date.now()}`;
  const withParameter = (url: string, name: string): string => `${url}${url.includes("?") ? "&" : "?"}${name}=${own}`;
  test.each([
    ["sqlite", async () => `sqlite:${join(folder, "five.db")}`],
    ["redis", async () => withParameter(await serviceUrl("redis"), "prefix")],
    ["postgres", async () => withParameter(await serviceUrl("postgres"), "schema")],
    ["pgbouncer", async () => withParameter(await serviceUrl("pgbouncer"), "schema")],
    ["rabbitmq", async () => withParameter(await serviceUrl("rabbitmq"), "prefix")],
    ["sqs", async () => (await serviceUrl("sqs")).replace(/^(sqs:\/\/[^/?]+)\/?/, `$1/${own}`)],
  ])(
    "%s",
    async (name, urlOf) => {
      const url = await urlOf();
      const byType = { "photo.resize": 12, "album.finish": 1, "mail.album_ready": 1 };
      const counted = Object.entries(byType).map(([type, count]) => [type, { enqueued: count, completed: count }]);
      const result = runDemo(name, { WAYBILL_URL: url });
      expect(result).toMatchObject({
        enqueued: 14,
        completed: 14,
        dead: 0,
        byType: Object.fromEntries(counted),
      });
      const timelines = await timelinesIn(name, url, result.album);
      expect(timelines).toHaveLength(14);
      // The last two sizes, resized at once, both enqueue `album.finish`: where ids are not unique, those are two deliveries of one job.
      const once = { attempt: 1, outcome: "completed" };
      for (const { type, state, attempts } of timelines) {
        const mayRepeat = isBroker(url) && type !== "photo.resize";
        const expected = mayRepeat ? attempts.map(() => once) : [once];
        expect({ type, state, attempts }).toMatchObject({ type, state: "completed", attempts: expected });
        expect(attempts.length).toBeGreaterThan(0);
      }
    },
    120_000,
  );
});
