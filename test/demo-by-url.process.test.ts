import { execFileSync } from "node:child_process";
import { mkdtempSync, rmSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { connect } from "@waybill/core";
import { serviceUrl } from "@waybill/test-servers";
import { afterEach, beforeEach, describe, expect, test } from "vitest";
import { root } from "./workspace.ts";

let folder = "";
beforeEach(() => {
  folder = mkdtempSync(join(tmpdir(), "waybill-by-url-"));
});
afterEach(() => rmSync(folder, { recursive: true }));

/** The last line of one run of the built demo over the four photos. */
function runDemo(name: string, env: NodeJS.ProcessEnv): unknown {
  const args = [join(root, "apps/demo/dist/launch.js"), "--once", join(root, "docs/photos")];
  const stdout = execFileSync(process.execPath, args, {
    encoding: "utf8",
    stdio: ["ignore", "pipe", "ignore"],
    env: { ...process.env, ...env, DEMO_DATA: join(folder, name) },
  });
  return JSON.parse(stdout.trimEnd().split("\n").at(-1) ?? "");
}

async function finishedIn(url: string): Promise<number> {
  const jobs = await connect(url, { log: "off" });
  const counts = (await jobs.inspector?.counts()) ?? [];
  await jobs.close();
  return counts.reduce((sum, { finished }) => sum + finished, 0);
}

// Four photos in three sizes, the album's sheet and its mail.
test("R22: the same build of the demo runs where WAYBILL_URL says, and nowhere else", async () => {
  const byDefault = `sqlite:${join(folder, "one", "waybill.db")}`;
  const elsewhere = `sqlite:${join(folder, "elsewhere.db")}`;
  expect(runDemo("one", { WAYBILL_URL: "" })).toMatchObject({ enqueued: 14, completed: 14, dead: 0 });
  expect(runDemo("two", { WAYBILL_URL: elsewhere })).toMatchObject({ enqueued: 14, completed: 14, dead: 0 });
  expect([await finishedIn(byDefault), await finishedIn(elsewhere)]).toEqual([14, 14]);
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
    async (name, url) => {
      const byType = { "photo.resize": 12, "album.finish": 1, "mail.album_ready": 1 };
      const counted = Object.entries(byType).map(([type, count]) => [type, { enqueued: count, completed: count }]);
      expect(runDemo(name, { WAYBILL_URL: await url() })).toMatchObject({
        enqueued: 14,
        completed: 14,
        dead: 0,
        byType: Object.fromEntries(counted),
      });
    },
    120_000,
  );
});
