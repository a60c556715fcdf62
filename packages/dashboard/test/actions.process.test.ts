import { DeadLetter, defineJob, defineSchedule, type Jobs } from "@waybill/core";
import type { AuditLine } from "@waybill/dashboard";
import type { Browser } from "playwright-core";
import { afterAll, afterEach, beforeAll, beforeEach, describe, type ExpectStatic, test } from "vitest";
import { openBrowser, openPage, type Watched } from "./fixtures/browser.ts";
import { serve, type Served } from "./fixtures/serve.ts";
import { borrows, openStores, storeNames, type Stores } from "./fixtures/stores.ts";

const WAIT = { timeout: 60_000, interval: 50 };
const IN_TURN = { concurrent: false };
let browser: Browser | null = null;
let stores: Stores;
let served: Served;
const audit: AuditLine[] = [];

beforeAll(async () => {
  browser = await openBrowser();
  if (browser === null) return;
  stores = await openStores("actions");
  served = await serve({ connections: stores.connections, auth: "loopback", audit: (line) => audit.push(line) });
}, 120_000);
afterAll(async () => {
  if (browser === null) return;
  await browser.close();
  await served.stop();
  await stores.close();
});

// Side by side, a page for each: most of the time is SQS's, which takes a second to list dead letters.
describe.concurrent.each(storeNames)("each action in the browser, on %s", (store) => {
  let jobs: Jobs;
  let watched: Watched;
  let seen = 0;

  beforeAll(async () => {
    if (browser === null) return;
    jobs = stores.connections[store];
    watched = await openPage(browser, served.origin);
    watched.page.setDefaultTimeout(WAIT.timeout);
  });
  beforeEach((context) => {
    if (browser === null) context.skip("chromium is not installed");
    seen = ownLines().length;
  });
  afterEach(async ({ expect }) => {
    if (browser === null) return;
    expect(watched.faults).toEqual([]);
    if (borrows(store)) return;
    for (const queue of ["mailers", "reports", "media", "failing", "copies"]) await jobs.cancel({ queue });
  });

  const ownLines = (): AuditLine[] => audit.filter(({ connection }) => connection === store);
  const lines = (): AuditLine[] => ownLines().slice(seen);
  const go = (place: string): Promise<unknown> => watched.page.goto(`${served.origin}/#/${store}/${place}`);
  const click = (name: string | RegExp): Promise<void> =>
    watched.page.getByRole("button", { name, exact: typeof name === "string" }).click();
  /** What was done, as it is in the audit. */
  const actions = (): string[] => lines().map(({ action, error }) => (error === null ? action : `${action}: ${error}`));
  const ready = async (queue: string): Promise<number | undefined> =>
    (await jobs.inspector?.counts())?.find((one) => one.queue === queue)?.ready;

  test("a queue is paused and resumed, a paused type is resumed", IN_TURN, async ({ expect }) => {
    await jobs.enqueue("mail.send", {}, { queue: "mailers" });
    await jobs.pause({ type: "mail.send" });
    await go("queues");
    await click("Pause mailers");
    await expect.poll(() => jobs.pauses(), WAIT).toContainEqual(expect.objectContaining({ queue: "mailers" }));
    await click("Resume mailers");
    await click("Resume");
    await expect.poll(() => jobs.pauses(), WAIT).toEqual([]);
    await expect.poll(actions, WAIT).toEqual(["pause", "resume", "resume"]);
  });

  test("a schedule is run now, paused, resumed and removed", IN_TURN, async ({ expect }) => {
    await jobs.schedules.put(
      defineSchedule({
        name: "nightly",
        job: "report.build",
        queue: "reports",
        payload: {},
        cron: "0 3 * * *",
        timeZone: "Asia/Tokyo",
      }),
    );
    await go("schedules");
    await watched.page.getByText("03:00:00").first().waitFor();
    await click("Run now: nightly");
    await expect.poll(() => ready("reports"), WAIT).toBe(1);
    await click("Pause nightly");
    await expect.poll(async () => (await jobs.schedules.list())[0]?.paused, WAIT).toBe(true);
    await click("Resume nightly");
    await expect.poll(async () => (await jobs.schedules.list())[0]?.paused, WAIT).toBe(false);
    await click("Remove nightly");
    await click("Remove it");
    await expect.poll(() => jobs.schedules.list(), WAIT).toEqual([]);
    await expect
      .poll(actions, WAIT)
      .toEqual(["run-now", "pause", "resume", "remove"].map((name) => `schedules/${name}`));
  });

  test("a flow is cancelled, and its members never run", IN_TURN, async ({ expect }) => {
    const flow = jobs.flow("album");
    const first = flow.add("photo.resize", { photo: 1 }, { queue: "media" });
    flow.add("album.publish", {}, { queue: "media", after: first });
    const { id } = await flow.start();
    await go("flows");
    await watched.page.getByRole("link", { name: "album" }).click();
    await watched.page.getByRole("link", { name: "album.publish" }).waitFor();
    await click("Cancel");
    await click("Cancel the flow");
    await expect.poll(async () => (await jobs.flows.get(id))?.state, WAIT).toBe("cancelled");
    await expect.poll(actions, WAIT).toEqual(["flows/cancel"]);
  });

  test(
    "groups of dead letters are replayed and dropped, and so is a single one, of which a copy is enqueued",
    IN_TURN,
    async ({ expect }) => {
      const { page } = watched;
      await fails(expect, jobs, { "order.charge": 3, "mail.send": 2, "page.crawl": 2 });
      const changed = (result: Readonly<Record<string, unknown>>): Promise<void> =>
        expect.poll(() => lines().at(-1)?.result, WAIT).toMatchObject(result);
      await go("dead");
      await click("Replay 3 jobs of order.charge");
      await click("Replay");
      await changed({ replayed: 3 });
      await click("Drop 2 jobs of mail.send");
      await click("Keep as it is");
      await click("Drop 2 jobs of mail.send");
      await click("Drop them");
      await changed({ dropped: 2 });
      await click("Show jobs of page.crawl");
      const links = await page.locator(".ids a").all();
      const [first, second] = await Promise.all(links.map((link) => link.getAttribute("href")));
      await links[0]?.click();
      await click("Enqueue a copy");
      await page.getByRole("textbox", { name: "Payload" }).fill('{"at":"elsewhere"}');
      await page.getByRole("textbox", { name: "Queue" }).fill("copies");
      await click("Enqueue");
      await changed({ copyOf: expect.any(String) });
      // The page goes to the copy by itself.
      await expect.poll(() => page.url(), WAIT).not.toContain(first);
      await page.goto(`${served.origin}/${first}`);
      await click("Replay");
      await changed({ replayed: 1 });
      await page.goto(`${served.origin}/${second}`);
      await click("Drop");
      await click("Drop it");
      await changed({ dropped: 1 });
      await page.getByText("No dead letters").waitFor();
      expect(actions()).toEqual(["dead/replay", "dead/drop", "jobs/copy", "dead/replay", "dead/drop"]);
      expect(await jobs.inspector?.deadLetters()).toEqual([]);
      expect([await ready("failing"), await ready("copies")]).toEqual([4, 1]);
    },
  );

  test("a waiting job is cancelled", IN_TURN, async ({ expect }) => {
    const { id } = await jobs.enqueue("mail.send", { to: "ada" }, { queue: "single" });
    if (borrows(store)) await expect.poll(() => jobs.records.get(id), WAIT).not.toBeNull();
    await go(`job?id=${id}`);
    await click("Cancel");
    await click("Cancel the job");
    await expect.poll(lines, WAIT).toHaveLength(1);
    // What a backend does not look up is remembered: no worker runs it.
    expect(lines()[0]?.result).toMatchObject(borrows(store) ? { recorded: 1 } : { cancelled: 1 });
    const ran: string[] = [];
    const sends = defineJob({ type: "mail.send", queue: "single", handler: (_, job) => void ran.push(job.id) });
    const worker = jobs.worker({ jobs: [sends], queues: ["single"] });
    await worker.start();
    const later = await jobs.enqueue(sends, {});
    await expect.poll(() => ran, WAIT).toContain(later.id);
    await worker.stop();
    expect(ran).toEqual([later.id]);
  });

  if (borrows(store)) return;

  test("a delayed job is rescheduled and run now", IN_TURN, async ({ expect }) => {
    const { page } = watched;
    const { id } = await jobs.enqueue("mail.send", {}, { queue: "mailers", delay: "30m" });
    await go("jobs");
    await page.getByRole("link", { name: "mail.send" }).click();
    await click("Reschedule");
    await page.getByLabel("Starts no sooner than").fill("2099-05-01T08:00");
    await page.getByRole("dialog").getByRole("button", { name: "Reschedule" }).click();
    const due = new Date("2099-05-01T08:00").getTime();
    await expect.poll(async () => Math.abs(((await jobs.find(id))?.dueAt ?? 0) - due) < 60_000, WAIT).toBe(true);
    await click("Run now");
    await expect.poll(async () => (await jobs.find(id))?.state, WAIT).toBe("ready");
    await expect.poll(actions, WAIT).toEqual(["jobs/reschedule", "jobs/run-now"]);
  });

  test("a copy of a job is enqueued, with the payload that was changed", IN_TURN, async ({ expect }) => {
    const { page } = watched;
    const { id } = await jobs.enqueue("mail.send", { to: "ada" }, { queue: "mailers", priority: 7 });
    await go(`job?id=${id}`);
    await click("Enqueue a copy");
    await page.getByRole("textbox", { name: "Payload" }).fill('{"to":');
    await expect.poll(() => page.getByRole("button", { name: "Enqueue", exact: true }).isDisabled(), WAIT).toBe(true);
    await page.getByRole("textbox", { name: "Payload" }).fill('{"to":"grace"}');
    await click("Enqueue");
    await expect
      .poll(async () => (await jobs.list({ text: "grace" })).jobs, WAIT)
      .toMatchObject([{ type: "mail.send", queue: "mailers", priority: 7 }]);
    expect((await jobs.find(id))?.body).toContain("ada");
  });

  test("jobs that are chosen are run now and cancelled together, the others stay", IN_TURN, async ({ expect }) => {
    for (const to of ["a", "b", "c"]) await jobs.enqueue("mail.send", { to }, { queue: "mailers", delay: "1h" });
    const [, kept] = (await jobs.list({ queue: "mailers" })).jobs;
    const boxes = watched.page.getByRole("checkbox", { name: /^Choose mail.send/ });
    const chosen = watched.page.getByRole("region", { name: "Chosen jobs" });
    const states = async (): Promise<(readonly [string, string])[]> =>
      (await jobs.list({ queue: "mailers" })).jobs.map(({ id, state }) => [id, state] as const);
    await go("jobs?queue=mailers");
    await boxes.nth(1).check();
    await chosen.getByRole("button", { name: "Run now" }).click();
    await expect.poll(states, WAIT).toContainEqual([kept?.id, "ready"]);
    await go("jobs?queue=mailers&state=delayed");
    await expect.poll(() => boxes.count(), WAIT).toBe(2);
    await watched.page.getByRole("checkbox", { name: /^Choose every/ }).check();
    await chosen.getByRole("button", { name: "Cancel" }).click();
    await click("Cancel them");
    await expect.poll(states, WAIT).toEqual([[kept?.id, "ready"]]);
    await expect.poll(actions, WAIT).toEqual(["jobs/run-now", "jobs/cancel"]);
  });

  test("jobs are found by type, state, tenant, queue and text", IN_TURN, async ({ expect }) => {
    const { page } = watched;
    await jobs.enqueue("mail.send", { to: "ada" }, { queue: "mailers", tenant: "acme" });
    await jobs.enqueue("photo.resize", { to: "grace" }, { queue: "media", tenant: "globex", delay: "1h" });
    await go("jobs");
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
});

/** Makes so many dead letters of each type, in the queue "failing". */
async function fails(expect: ExpectStatic, jobs: Jobs, counts: Readonly<Record<string, number>>): Promise<void> {
  const definitions = Object.keys(counts).map((type) =>
    defineJob({
      type,
      queue: "failing",
      handler: (payload) => {
        throw new DeadLetter(`declined: ${JSON.stringify(payload)}`);
      },
    }),
  );
  let died = 0;
  const unsubscribe = jobs.events.on("settled", ({ outcome }) => void (outcome === "dead" && (died += 1)));
  const worker = jobs.worker({ jobs: definitions, queues: ["failing"] });
  await worker.start();
  for (const definition of definitions)
    for (let at = 0; at < (counts[definition.type] ?? 0); at++) await jobs.enqueue(definition, { at });
  await expect.poll(() => died, WAIT).toBe(Object.values(counts).reduce((a, b) => a + b));
  await worker.stop();
  unsubscribe();
}
