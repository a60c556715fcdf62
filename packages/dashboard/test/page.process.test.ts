import { connect, DeadLetter, defineJob, type Jobs } from "@waybill/core";
import { memoryBackend } from "@waybill/core/memory";
import type { AuditLine } from "@waybill/dashboard";
import type { Browser, Page } from "playwright-core";
import { afterAll, afterEach, beforeAll, beforeEach, expect, test, vi } from "vitest";
import { expectAccessible, openBrowser, openPage } from "./fixtures/browser.ts";
import { hostileJobs } from "./fixtures/hostile.ts";
import { openScene, type Scene } from "./fixtures/scene.ts";
import { serve, type Served } from "./fixtures/serve.ts";

const WAIT = { timeout: 60_000, interval: 50 };
let browser: Browser | null = null;
let scene: Scene;
let served: Served;
let deadId: string;
let flowId: string;

beforeAll(async () => {
  browser = await openBrowser();
  scene = await openScene();
  served = await serve({ connections: { main: scene.jobs }, auth: "loopback", audit: () => undefined });
  await vi.waitFor(async () => expect(await scene.jobs.inspector?.deadLetters()).toHaveLength(13), WAIT);
  deadId = (await scene.jobs.inspector?.deadLetters())?.[0]?.id ?? "";
  const flow = scene.jobs.flow("album");
  const sizes = [1, 2, 3].map((photo) => flow.add("thumbnail.make", { photo }, { queue: "media" }));
  flow.add("album.publish", {}, { queue: "media", after: sizes });
  flowId = (await flow.start()).id;
});
afterAll(async () => {
  await browser?.close();
  await served.stop();
  await scene.stop();
});
let opened: readonly Jobs[] = [];
beforeEach((context) => {
  if (browser === null) context.skip("chromium is not installed");
});
afterEach(async () => {
  await Promise.all(opened.map((jobs) => jobs.close()));
  opened = [];
});

/** Every page that the navigation names, and what it does not name: a list of what has ended, one job, one flow. */
async function placesOf(page: Page, origin: string): Promise<[string, RegExp][]> {
  await page.goto(`${origin}/#/main/`);
  await page.locator("nav").getByText("Workers").waitFor();
  const script =
    "[...document.querySelectorAll('nav a')].map((a) => [a.hash.slice('#/main/'.length), a.firstChild.data])";
  const named = (await page.evaluate(script)) as [string, string][];
  expect(named.length).toBeGreaterThan(6);
  return [
    ...named.map(([place, title]): [string, RegExp] => [place, new RegExp(title)]),
    ["jobs?state=completed", /Jobs/],
    [`job?id=${deadId}`, /order|mail/],
    [`flows?id=${flowId}`, /album/],
  ];
}

async function show(page: Page, origin: string, place: string, heading: RegExp): Promise<void> {
  await page.goto(`${origin}/#/main/${place}`);
  await page.getByRole("heading", { level: 1, name: heading }).waitFor();
  await page.locator(".skeleton").waitFor({ state: "detached" });
}

/** With screenshots, both widths are seen in both colours. */
const isWhole = Boolean(process.env["DASHBOARD_SCREENSHOTS"]);

for (const [width, height] of [
  [1_440, 900],
  [390, 844],
] as const) {
  for (const colorScheme of ["light", "dark"] as const) {
    if (!isWhole && (width === 390) !== (colorScheme === "dark")) continue;
    test(`axe finds nothing on any page, ${width} px wide, ${colorScheme}; nothing leaves the origin, nothing breaks the policy or the width`, async () => {
      const { page, faults } = await openPage(browser as Browser, served.origin, {
        viewport: { width, height },
        colorScheme,
      });
      for (const [place, heading] of await placesOf(page, served.origin)) {
        await show(page, served.origin, place, heading);
        await expectAccessible(page, place);
        expect(await page.evaluate("document.documentElement.scrollWidth - innerWidth"), place).toBeLessThanOrEqual(0);
        const folder = process.env["DASHBOARD_SCREENSHOTS"];
        if (folder)
          await page.screenshot({
            path: `${folder}/${place.split(/\?id/)[0]?.replace("?", "-") || "overview"}-${width}-${colorScheme}.png`,
          });
      }
      expect(faults).toEqual([]);
      await page.context().close();
    });
  }
}

test("the keyboard alone reaches whatever can be used on every page", async () => {
  const { page } = await openPage(browser as Browser, served.origin);
  for (const [place, heading] of await placesOf(page, served.origin)) {
    await show(page, served.origin, place, heading);
    await page.evaluate(
      "globalThis.reached = new WeakSet(); addEventListener('focusin', ({ target }) => reached.add(target))",
    );
    const left = (): Promise<string[]> => page.evaluate(UNREACHED);
    const all = (await left()).length;
    // From the top, as after a load; what comes while the keys are pressed is reached in the next round.
    for (let round = 0; round < 3 && (await left()).length > 0; round++) {
      await page.locator(".skip").focus();
      for (let at = 0; at < all + 5; at++) await page.keyboard.press("Tab");
    }
    expect(await left(), place).toEqual([]);
  }
  await page.context().close();
});

/** What can be used, is seen and has not had the focus. Of a table that grows as it is walked through, the first row. */
const UNREACHED = `[...document.querySelectorAll("a[href], button, input, select, textarea, summary, [tabindex='0']")]
  .filter((one) => !one.disabled && one.checkVisibility() && !reached.has(one))
  .filter((one) => !one.closest(".grid-row:not([aria-rowindex='2'])"))
  .map((one) => one.getAttribute("aria-label") || one.textContent || one.outerHTML)`;

test("a dialog that the keyboard opens keeps and returns the focus", async () => {
  const { page } = await openPage(browser as Browser, served.origin);
  await show(page, served.origin, "dead", /Dead letters/);
  await page.getByRole("button", { name: /^Drop/ }).first().waitFor();
  const reached: string[] = [];
  const focused = (): Promise<string> =>
    page.evaluate("(document.activeElement.getAttribute('aria-label') || document.activeElement.textContent).trim()");
  while (!reached.includes("Drop 5 jobs of mail.send")) {
    await page.keyboard.press("Tab");
    reached.push(await focused());
    expect(reached.length, reached.join("; ")).toBeLessThan(40);
  }
  await page.keyboard.press("Enter");
  await page.getByRole("dialog").waitFor();
  const inside = new Set<string>();
  for (let at = 0; at < 6; at++) {
    inside.add(await focused());
    await page.keyboard.press("Tab");
  }
  expect([...inside]).toEqual(expect.arrayContaining(["Keep as it is", "Drop them"]));
  expect([...inside].filter((name) => reached.includes(name))).toEqual([]);
  await page.keyboard.press("Escape");
  await page.getByRole("dialog").waitFor({ state: "detached" });
  await expect.poll(focused).toBe("Drop 5 jobs of mail.send");
  await page.context().close();
});

test("hostile data is shown as text on every page: markup, ANSI, text from right to left, 200 KB, deep JSON, times that are none", async () => {
  const odd = await serve({
    connections: { main: hostileJobs(scene.jobs) },
    auth: "loopback",
    audit: () => undefined,
  });
  const { page, faults } = await openPage(browser as Browser, odd.origin);
  const seen: string[] = [];
  for (const [place, heading] of await placesOf(page, odd.origin)) {
    await show(page, odd.origin, place, heading);
    await page.locator("main").getByText("<img src=x onerror=").first().waitFor({ state: "attached" });
    const text = String(await page.evaluate("document.body.textContent"));
    // oxlint-disable-next-line no-control-regex
    expect(text.match(/[\u0000-\u0008\u000B-\u001F\u202E].{0,40}/)?.[0], place).toBeUndefined();
    expect(await page.locator("img").count(), place).toBe(0);
    expect(await page.evaluate("document.documentElement.scrollWidth - innerWidth"), place).toBeLessThanOrEqual(0);
    seen.push(text);
  }
  const all = seen.join("\n");
  expect(all).toContain("⟨U+202E⟩");
  expect(all).toContain("no valid time");
  expect(seen.some((text) => text.length > 190_000)).toBe(true);
  expect(await page.evaluate("globalThis.broken")).toBeUndefined();
  expect(faults).toEqual([]);
  await page.context().close();
  await odd.stop();
});

test("a job that died shows the stack and the causes of its error as text, which scrolls in its box at 390 px", async () => {
  const jobs = await connect(memoryBackend(), { log: "off" });
  opened = [jobs];
  const job = defineJob({
    type: "card.charge",
    retry: { maxAttempts: 1 },
    handler() {
      const cause = new Error("<b>connect ECONNREFUSED</b>", { cause: new TypeError("no route to the bank") });
      throw new RangeError("the bank does not respond", { cause });
    },
  });
  const { id } = await jobs.enqueue(job, {});
  const worker = jobs.worker({ jobs: [job] });
  await worker.start();
  await vi.waitFor(async () => expect(await jobs.inspector?.deadLetters()).toHaveLength(1), WAIT);
  await worker.stop();
  const own = await serve({ connections: { main: jobs }, auth: "loopback", audit: () => undefined });
  const { page, faults } = await openPage(browser as Browser, own.origin, { viewport: { width: 390, height: 844 } });
  await show(page, own.origin, `job?id=${id}`, /card/);
  const trace = page.getByRole("region", { name: "Why it died" }).getByLabel("Error, stack and causes");
  await trace.waitFor();
  expect(String(await trace.textContent()).split("\n")).toEqual(
    expect.arrayContaining([
      "RangeError: the bank does not respond",
      expect.stringMatching(/^ {4}at .*page\.process\.test\.ts/),
      "caused by Error: <b>connect ECONNREFUSED</b>",
      "caused by TypeError: no route to the bank",
    ]),
  );
  expect(await trace.evaluate((box) => box.scrollHeight > box.clientHeight)).toBe(true);
  expect(await page.evaluate("document.documentElement.scrollWidth - innerWidth")).toBeLessThanOrEqual(0);
  await expectAccessible(page, "job");
  const folder = process.env["DASHBOARD_SCREENSHOTS"];
  if (folder) await page.screenshot({ path: `${folder}/job-died-390.png` });
  expect(faults).toEqual([]);
  await page.context().close();
  await own.stop();
});

test("what another process does is shown without a reload, by server-sent events, also at a path without a slash", async () => {
  const jobs = await connect(memoryBackend(), { log: "off" });
  opened = [jobs];
  const own = await serve({ connections: { main: jobs }, auth: "loopback", path: "/jobs", audit: () => undefined });
  const { page } = await openPage(browser as Browser, own.origin);
  await page.goto(`${own.origin}/jobs#/main/queues`);
  await page.getByText("No queue has a job").waitFor();
  for (let at = 0; at < 3; at++) await jobs.enqueue("mail.send", { at }, { queue: "mailers" });
  await page
    .getByRole("row", { name: /mailers/ })
    .getByText("3", { exact: true })
    .waitFor();
  const worker = jobs.worker({ jobs: [defineJob({ type: "mail.send", handler() {} })], queues: ["mailers"] });
  await worker.start();
  await page
    .getByRole("row", { name: /mailers/ })
    .getByText("3", { exact: true })
    .waitFor({ state: "detached" });
  await worker.stop();
  await page.context().close();
  await own.stop();
});

test("a table of a thousand jobs is read page by page as it is scrolled, with a few dozen rows in the document", async () => {
  const jobs = await connect(memoryBackend(), { log: "off" });
  opened = [jobs];
  await jobs.enqueueMany(Array.from({ length: 1_000 }, (_, at) => ({ job: "mail.send", payload: { at } })));
  const own = await serve({ connections: { main: jobs }, auth: "loopback", audit: () => undefined });
  const { page } = await openPage(browser as Browser, own.origin);
  await show(page, own.origin, "jobs", /Jobs/);
  const foot = page.locator(".grid-foot");
  const scrollToEnd = (): Promise<void> =>
    page.locator(".grid-body").evaluate((body) => body.scrollTo(0, body.scrollHeight));
  await expect
    .poll(async () => {
      await scrollToEnd();
      return foot.textContent();
    }, WAIT)
    .toBe("1,000 loaded");
  // The last page has made the table longer.
  await scrollToEnd();
  expect(await page.locator(".grid-row").count()).toBeLessThan(60);
  await page.getByText('{"at":999}').waitFor();
  await page.context().close();
  await own.stop();
});

test("a replay of more than 1,000 dead letters goes on in portions, says how many it has done, and leaves none", async () => {
  const jobs = await connect(memoryBackend(), { log: "off" });
  opened = [jobs];
  const job = defineJob({
    type: "mail.send",
    queue: "mailers",
    handler() {
      throw new DeadLetter("no mailbox");
    },
  });
  await jobs.enqueueMany(Array.from({ length: 2_300 }, (_, at) => ({ job, payload: { at } })));
  const worker = jobs.worker({ jobs: [job], queues: ["mailers"], concurrency: 100 });
  await worker.start();
  const dead = async (): Promise<number> => (await jobs.inspector?.counts())?.[0]?.dead ?? 0;
  await expect.poll(dead, WAIT).toBe(2_300);
  await worker.stop();
  const lines: AuditLine[] = [];
  const own = await serve({ connections: { main: jobs }, auth: "loopback", audit: (line) => lines.push(line) });
  const { page, faults } = await openPage(browser as Browser, own.origin);
  await show(page, own.origin, "dead", /Dead letters/);
  await page.getByRole("button", { name: "Replay 1,000 or more jobs of mail.send" }).click();
  await page.getByRole("dialog").getByRole("button", { name: "Replay" }).click();
  await page.getByText("2,300 replayed", { exact: true }).waitFor();
  expect(await dead()).toBe(0);
  expect(lines.map(({ action, result }) => [action, result])).toEqual([
    ["dead/replay", { replayed: 1_000 }],
    ["dead/replay", { replayed: 1_000 }],
    ["dead/replay", { replayed: 300 }],
  ]);
  expect(faults).toEqual([]);
  await page.context().close();
  await own.stop();
});
