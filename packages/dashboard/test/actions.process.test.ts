import { mkdtempSync, rmSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { connect, DeadLetter, defineJob, defineSchedule, type Jobs } from "@waybill/core";
import { memoryBackend } from "@waybill/core/memory";
import type { AuditLine } from "@waybill/dashboard";
import type { Browser } from "playwright-core";
import { afterAll, afterEach, beforeAll, beforeEach, describe, expect, test } from "vitest";
import { openBrowser, openPage, type Watched } from "./fixtures/browser.ts";
import { serve, type Served } from "./fixtures/serve.ts";

const WAIT = { timeout: 20_000, interval: 50 };
let browser: Browser | null = null;
let folder: string;
let served: Served;
let watched: Watched;
let lines: AuditLine[] = [];
const connections: Record<string, Jobs> = {};

beforeAll(async () => {
  folder = mkdtempSync(join(tmpdir(), "waybill-dashboard-"));
  connections["memory"] = await connect(memoryBackend(), { log: "off" });
  connections["sqlite"] = await connect(`sqlite:${join(folder, "jobs.db")}`, { log: "off" });
  served = await serve({ connections, auth: "loopback", audit: (line) => lines.push(line) });
  browser = await openBrowser();
  if (browser !== null) watched = await openPage(browser, served.origin);
});
afterAll(async () => {
  await browser?.close();
  await served.stop();
  await Promise.all(Object.values(connections).map((jobs) => jobs.close()));
  rmSync(folder, { recursive: true, force: true });
});

describe.each(["memory", "sqlite"])("each action in the browser, on %s", (store) => {
  let jobs: Jobs;

  beforeEach((context) => {
    if (browser === null) return context.skip("chromium is not installed");
    jobs = connections[store] as Jobs;
    lines = [];
    return undefined;
  });
  afterEach(async () => {
    if (browser === null) return;
    expect(watched.faults).toEqual([]);
    for (const queue of ["default", "mailers", "media"]) await jobs.cancel({ queue });
    await jobs.inspector?.drop({ limit: Infinity });
  });

  const go = (place: string): Promise<unknown> => watched.page.goto(`${served.origin}/#/${store}/${place}`);
  const click = (name: string | RegExp): Promise<void> =>
    watched.page.getByRole("button", { name, exact: typeof name === "string" }).click();
  const actions = (): string[] => lines.map(({ action, error }) => (error === null ? action : `${action}: ${error}`));

  test("a queue is paused and resumed", async () => {
    await jobs.enqueue("mail.send", {}, { queue: "mailers" });
    await go("queues");
    await click("Pause mailers");
    await expect.poll(() => jobs.pauses(), WAIT).toMatchObject([{ queue: "mailers" }]);
    await click("Resume mailers");
    await expect.poll(() => jobs.pauses(), WAIT).toEqual([]);
    expect(actions()).toEqual(["pause", "resume"]);
  });

  test("a delayed job is rescheduled, run now and cancelled", async () => {
    const { page } = watched;
    const { id } = await jobs.enqueue("mail.send", {}, { delay: "30m" });
    await go("jobs");
    await page.getByRole("link", { name: "mail.send" }).click();
    await click("Reschedule");
    await page.getByLabel("Starts no sooner than").fill("2099-05-01T08:00");
    await page.getByRole("dialog").getByRole("button", { name: "Reschedule" }).click();
    const due = new Date("2099-05-01T08:00").getTime();
    await expect.poll(async () => Math.abs(((await jobs.find(id))?.dueAt ?? 0) - due) < 60_000, WAIT).toBe(true);
    await click("Run now");
    await expect.poll(async () => (await jobs.find(id))?.state, WAIT).toBe("ready");
    await click("Cancel");
    await click("Cancel the job");
    await expect.poll(() => jobs.find(id), WAIT).toBeNull();
    await page.getByText("The job has left its queue").waitFor();
    expect(actions()).toEqual(["jobs/reschedule", "jobs/run-now", "jobs/cancel"]);
  });

  test("a copy of a job is enqueued, with the payload that was changed", async () => {
    const { id } = await jobs.enqueue("mail.send", { to: "ada" }, { queue: "mailers", priority: 7 });
    await go(`job?id=${id}`);
    await click("Enqueue a copy");
    await watched.page.getByRole("textbox", { name: "Payload" }).fill('{"to":');
    await expect
      .poll(() => watched.page.getByRole("button", { name: "Enqueue", exact: true }).isDisabled(), WAIT)
      .toBe(true);
    await watched.page.getByRole("textbox", { name: "Payload" }).fill('{"to":"grace"}');
    await click("Enqueue");
    await expect
      .poll(async () => (await jobs.list({ text: "grace" })).jobs, WAIT)
      .toMatchObject([{ type: "mail.send", queue: "mailers", priority: 7 }]);
    expect((await jobs.find(id))?.body).toContain("ada");
  });

  test("jobs that are chosen are cancelled together, the others stay", async () => {
    for (const to of ["a", "b", "c"]) await jobs.enqueue("mail.send", { to }, { queue: "mailers" });
    const {
      jobs: [, kept],
    } = await jobs.list({ queue: "mailers" });
    await go("jobs?queue=mailers");
    const boxes = watched.page.getByRole("checkbox", { name: /^Choose mail.send/ });
    await boxes.nth(0).check();
    await boxes.nth(2).check();
    await watched.page.getByRole("region", { name: "Chosen jobs" }).getByRole("button", { name: "Cancel" }).click();
    await click("Cancel them");
    await expect
      .poll(async () => (await jobs.list({ queue: "mailers" })).jobs.map(({ id }) => id), WAIT)
      .toEqual([kept?.id]);
  });

  test("a group of dead letters is replayed, another one is dropped", async () => {
    const fails = defineJob({
      type: "order.charge",
      handler: (order) => {
        throw new DeadLetter(`declined: ${JSON.stringify(order)}`);
      },
    });
    const sends = defineJob({
      type: "mail.send",
      handler: () => {
        throw new DeadLetter("no mailbox");
      },
    });
    const worker = jobs.worker({ jobs: [fails, sends] });
    await worker.start();
    for (let at = 0; at < 3; at++) await jobs.enqueue(fails, { at });
    await jobs.enqueue(sends, {});
    await expect.poll(async () => (await jobs.inspector?.deadLetters())?.length, WAIT).toBe(4);
    await worker.stop();
    await go("dead");
    await click("Replay 3 jobs of order.charge");
    await click("Replay");
    await expect.poll(async () => (await jobs.list({ state: "ready" })).jobs.length, WAIT).toBe(3);
    await click("Drop 1 job of mail.send");
    await click("Keep as it is");
    expect(await jobs.inspector?.deadLetters()).toHaveLength(1);
    await click("Drop 1 job of mail.send");
    await click("Drop them");
    await expect.poll(() => jobs.inspector?.deadLetters(), WAIT).toEqual([]);
    await watched.page.getByText("No dead letters").waitFor();
    expect(actions()).toEqual(["dead/replay", "dead/drop"]);
  });

  test("a schedule is run now, paused, resumed and removed", async () => {
    await jobs.schedules.put(
      defineSchedule({ name: "nightly", job: "report.build", payload: {}, cron: "0 3 * * *", timeZone: "Asia/Tokyo" }),
    );
    await go("schedules");
    await watched.page.getByText("03:00:00").first().waitFor();
    await click("Run now: nightly");
    await expect.poll(async () => (await jobs.list({ type: "report.build" })).jobs.length, WAIT).toBe(1);
    await click("Pause nightly");
    await expect.poll(async () => (await jobs.schedules.list())[0]?.paused, WAIT).toBe(true);
    await click("Resume nightly");
    await expect.poll(async () => (await jobs.schedules.list())[0]?.paused, WAIT).toBe(false);
    await click("Remove nightly");
    await click("Remove it");
    await expect.poll(() => jobs.schedules.list(), WAIT).toEqual([]);
  });
});

test("jobs are found by type, state, tenant, queue and text", async (context) => {
  if (browser === null) return context.skip("chromium is not installed");
  const jobs = connections["sqlite"] as Jobs;
  const { page } = watched;
  await jobs.enqueue("mail.send", { to: "ada" }, { queue: "mailers", tenant: "acme" });
  await jobs.enqueue("photo.resize", { to: "grace" }, { queue: "media", tenant: "globex", delay: "1h" });
  await page.goto(`${served.origin}/#/sqlite/jobs`);
  const rows = page.getByRole("table", { name: "Jobs" }).getByRole("link");
  for (const [label, text] of [
    ["Type", "photo.resize"],
    ["Queue", "media"],
    ["Tenant", "globex"],
    ["Text in the payload", "grace"],
  ] as const) {
    await expect.poll(() => rows.count(), WAIT).toBe(2);
    await page.getByLabel(label, { exact: true }).fill(text);
    await expect.poll(() => rows.allTextContents(), WAIT).toEqual(["photo.resize"]);
    await page.getByRole("button", { name: "Clear" }).click();
  }
  await page.getByLabel("State").selectOption("delayed");
  await expect.poll(() => rows.allTextContents(), WAIT).toEqual(["photo.resize"]);
});
