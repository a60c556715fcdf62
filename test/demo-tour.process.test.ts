import { join } from "node:path";
import { serviceUrl } from "@waybill/test-servers";
import type { Browser, Page } from "playwright-core";
import { afterAll, beforeAll, beforeEach, describe, expect, test } from "vitest";
import { expectAccessible, openBrowser, openPage, type Watched } from "../packages/dashboard/test/fixtures/browser.ts";
import { launchPage, type Running, temporaryFolder } from "../apps/demo/test/demo-process.ts";

const SLOW = { timeout: 90_000 };
const WIDTHS = [
  [1_440, 900],
  [390, 844],
] as const;

/** One demo, and one reader who goes through it from the first step to the last. */
describe("the first minutes with the demo, in a real browser", () => {
  let browser: Browser | null = null;
  let folder: Awaited<ReturnType<typeof temporaryFolder>>;
  let running: Running & { address: string };
  let watched: Watched;
  let page: Page;

  beforeAll(async () => {
    browser = await openBrowser();
    if (browser === null) return;
    folder = await temporaryFolder();
    const redis = new URL(await serviceUrl("redis"));
    redis.searchParams.set("prefix", `tour${Date.now()}`);
    running = await launchPage(join(folder.path, "data"), { DEMO_REDIS_URL: redis.href });
    watched = await openPage(browser, running.address);
    ({ page } = watched);
    page.setDefaultTimeout(SLOW.timeout);
    await page.goto(running.address);
    await page.locator("#worker.up").waitFor();
  }, 120_000);
  afterAll(async () => {
    if (browser === null) return;
    await browser.close();
    running.kill("SIGTERM");
    await running.exited;
    await folder.remove();
  });
  beforeEach((context) => {
    if (browser === null) context.skip("chromium is not installed");
  });

  const heading = (): Promise<string | null> => page.locator("#tour h2").textContent();
  const stepIsDone = (text: string): Promise<void> => page.locator("#tour-done", { hasText: text }).waitFor();

  test("the keyboard alone reaches whatever can be used, and starts the tour", async () => {
    await page.evaluate(
      "globalThis.reached = new WeakSet(); addEventListener('focusin', ({ target }) => reached.add(target))",
    );
    const left = (): Promise<string[]> => page.evaluate(UNREACHED);
    const all = (await left()).length;
    expect(all).toBeGreaterThan(12);
    for (let at = 0; at < all + 5; at++) await page.keyboard.press("Tab");
    expect(await left()).toEqual([]);
    await page.locator("#tour-action").focus();
    await page.keyboard.press("Enter");
    await stepIsDone("The album is done");
    expect(await page.locator("#sums [data-state=dead] dd").textContent()).toBe("0");
    await page.locator("#tour-next").focus();
    await page.keyboard.press("Enter");
    expect(await heading()).toBe("Kill the worker");
  });

  test("the tour stays at its step over a reload; the jobs of the killed worker run again, and the page says so", async () => {
    await page.reload();
    await page.locator("#tour").waitFor();
    expect(await heading()).toBe("Kill the worker");
    await page.locator("#tour-action").click();
    await page.locator("#note", { hasText: "is gone" }).waitFor();
    await expectNothingCovered();
    await stepIsDone("Nothing is lost");
    await page.locator(".tile.whole >> nth=23").waitFor();
    await page.locator("#tour-next").click();
  });

  test("one bad photo is one thing that needs the reader; once removed, its album is finished", async () => {
    await page.locator("#tour-action").click();
    await page.locator(".failure").getByText("cannot be read as a photo").waitFor();
    await page.locator(".failure b", { hasText: /^cut-short-on-purpose.jpg$/ }).waitFor();
    expect(await page.locator("#sums [data-state=dead] dd").textContent()).toBe("1");
    await page.locator(".failure").getByRole("button", { name: "Remove" }).click();
    await stepIsDone("finished without it");
    await page.locator(".mails details >> nth=2").waitFor();
    await page.locator("#tour-next").click();
    const [dashboard] = await Promise.all([page.waitForEvent("popup"), page.locator("#tour-action").click()]);
    await dashboard.getByRole("heading", { level: 1, name: "Overview" }).waitFor();
    await dashboard.close();
    await stepIsDone("timeline");
    await page.locator("#tour-next").click();
    expect(watched.faults).toEqual([]);
  });

  test("axe finds nothing, and nothing sticks out, at both widths, light and dark", async () => {
    for (const [width, height] of WIDTHS) {
      await page.setViewportSize({ width, height });
      for (const colorScheme of ["light", "dark"] as const) {
        // Colours that are on their way have too little contrast.
        await page.emulateMedia({ colorScheme, reducedMotion: "reduce" });
        await expectAccessible(page, `${width} px, ${colorScheme}`);
        expect(await page.evaluate("document.documentElement.scrollWidth - innerWidth")).toBeLessThanOrEqual(0);
        const shots = process.env["DEMO_SCREENSHOTS"];
        if (shots) await page.screenshot({ path: join(shots, `${width}-${colorScheme}.png`), fullPage: true });
      }
    }
    await page.setViewportSize({ width: 1_440, height: 900 });
  });

  test("the page moves the demo to Redis, where jobs are then pushed instead of pulled, and the tour ends for good", async () => {
    const redis = page.getByRole("button", { name: "Redis", exact: true });
    await redis.click();
    await stepIsDone("Only WAYBILL_URL has changed");
    await page.locator("#url", { hasText: "redis://" }).waitFor();
    // The albums belong to the place that they were made in.
    expect(await page.locator(".album").count()).toBe(0);
    await page.locator("#tour-next").click();
    await page.locator("#push[aria-disabled=false]").waitFor();
    await page.locator("#tour-action").click();
    await stepIsDone("runs their jobs itself");
    await page.locator("#worker.up", { hasText: "pusher" }).waitFor();
    await page.locator("#bad").click();
    await page.locator("#sums [data-state=dead] dd", { hasText: "1" }).waitFor();
    await page.locator(".failure").getByRole("button", { name: "Remove" }).click();
    await page.locator(".mails details").waitFor();
    await page.locator("#tour-next").click();
    await page.locator("#tour").waitFor({ state: "hidden" });
    await page.reload();
    await page.locator("#stage").waitFor();
    expect(await page.locator("#tour").isHidden()).toBe(true);
    // While the web process starts again, the page's stream of updates and its pictures have nobody to ask.
    expect(watched.faults.filter((fault) => !fault.includes("ERR_CONNECTION_REFUSED"))).toEqual([]);
  });

  /** Expects that each button in view is what a click on its middle would meet. */
  async function expectNothingCovered(): Promise<void> {
    expect(await page.evaluate(COVERED)).toEqual([]);
  }
});

const UNREACHED = `[...document.querySelectorAll("a[href], button, input, summary")]
  .filter((one) => !one.disabled && one.checkVisibility() && !reached.has(one))
  .map((one) => one.textContent || one.outerHTML)`;

const COVERED = `(scrollTo(0, 0), [...document.querySelectorAll("button, a[href]")])
  .filter((one) => one.checkVisibility())
  .map((one) => [one, one.getBoundingClientRect()])
  .filter(([, { top, bottom }]) => top >= 0 && bottom <= innerHeight)
  .filter(([one, { left, top, width, height }]) => !one.contains(document.elementFromPoint(left + width / 2, top + height / 2)))
  .map(([one]) => one.textContent)`;
