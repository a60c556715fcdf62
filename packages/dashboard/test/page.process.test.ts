import { connect, defineJob, type Jobs } from "@waybill/core";
import { memoryBackend } from "@waybill/core/memory";
import type { Browser, Page } from "playwright-core";
import { afterAll, afterEach, beforeAll, beforeEach, expect, test, vi } from "vitest";
import { expectAccessible, openBrowser, openPage } from "./fixtures/browser.ts";
import { openScene, type Scene } from "./fixtures/scene.ts";
import { serve, type Served } from "./fixtures/serve.ts";

const WAIT = { timeout: 60_000, interval: 50 };
let browser: Browser | null = null;
let scene: Scene;
let served: Served;
let deadId: string;

beforeAll(async () => {
  browser = await openBrowser();
  scene = await openScene();
  served = await serve({ connections: { main: scene.jobs }, auth: "loopback", audit: () => undefined });
  await vi.waitFor(async () => expect(await scene.jobs.inspector?.deadLetters()).toHaveLength(13), WAIT);
  deadId = (await scene.jobs.inspector?.deadLetters())?.[0]?.id ?? "";
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

const places = (): (readonly [string, RegExp])[] => [
  ["", /Overview/],
  ["queues", /Queues/],
  ["jobs", /Jobs/],
  [`job?id=${deadId}`, /order|mail/],
  ["dead", /Dead letters/],
  ["schedules", /Schedules/],
  ["workers", /Workers/],
];

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
      for (const [place, heading] of places()) {
        await show(page, served.origin, place, heading);
        await expectAccessible(page, place);
        expect(await page.evaluate("document.documentElement.scrollWidth - innerWidth"), place).toBeLessThanOrEqual(0);
        const folder = process.env["DASHBOARD_SCREENSHOTS"];
        if (folder)
          await page.screenshot({ path: `${folder}/${place.split("?")[0] || "overview"}-${width}-${colorScheme}.png` });
      }
      expect(faults).toEqual([]);
      await page.context().close();
    });
  }
}

test("the keyboard alone reaches every page and every action, and a dialog keeps and returns the focus", async () => {
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
  expect(reached).toEqual(
    expect.arrayContaining([
      "Skip to content",
      "Overview",
      "Queues",
      "Jobs",
      "Schedules",
      "Workers",
      "Show jobs of mail.send",
      "Replay 5 jobs of mail.send",
    ]),
  );
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
  expect(await focused()).toBe("Drop 5 jobs of mail.send");
  await page.context().close();
});

test("hostile data is shown as text: markup, ANSI, text from right to left, 200 KB, a time that is none", async () => {
  const jobs = await connect(memoryBackend(), { log: "off" });
  opened = [jobs];
  const markup = '<img src=x onerror="globalThis.broken=1"><script>globalThis.broken=1</script>';
  await jobs.enqueue(
    "photo.resize",
    { markup, ansi: "\u001B[31mred\u001B[0m", turned: "\u202Egpj.exe", arabic: "مرحبا" },
    { queue: "hostile", tenant: "‮evil" },
  );
  const { id } = await jobs.enqueue("photo.resize", { long: markup.repeat(2_500) }, { queue: "hostile" });
  const odd = await serve({
    connections: { main: { ...jobs, list: oddTimes(jobs) } },
    auth: "loopback",
    audit: () => undefined,
  });
  const { page, faults } = await openPage(browser as Browser, odd.origin);
  await show(page, odd.origin, "jobs", /Jobs/);
  const text = (await page.getByRole("table", { name: "Jobs" }).textContent()) ?? "";
  expect(text).toContain("<img src=x onerror=");
  expect(text).toContain("⟨U+202E⟩");
  expect(text).toContain("no valid time");
  expect(text).not.toContain("\u202E");
  await show(page, odd.origin, `job?id=${id}`, /photo.resize/);
  await page.getByLabel("Payload", { exact: true }).last().waitFor();
  expect((await page.getByLabel("Payload", { exact: true }).last().textContent())?.length).toBeGreaterThan(190_000);
  expect(await page.evaluate("globalThis.broken")).toBeUndefined();
  expect(faults).toEqual([]);
  await page.context().close();
  await odd.stop();
});

function oddTimes(jobs: Jobs): Jobs["list"] {
  return async (query) => {
    const page = await jobs.list(query);
    return { ...page, jobs: page.jobs.map((job) => ({ ...job, enqueuedAt: 9e99 })) };
  };
}

test("what another process does is shown without a reload, by server-sent events", async () => {
  const jobs = await connect(memoryBackend(), { log: "off" });
  opened = [jobs];
  const own = await serve({ connections: { main: jobs }, auth: "loopback", audit: () => undefined });
  const { page } = await openPage(browser as Browser, own.origin);
  await show(page, own.origin, "queues", /Queues/);
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
