import type { Browser } from "playwright-core";
import { afterAll, beforeAll, beforeEach, expect, test } from "vitest";
import { openBrowser, openPage } from "./fixtures/browser.ts";
import { type Busy, serveBusy } from "./fixtures/busy.ts";
import { heldBy, watchMainThread } from "./fixtures/main-thread.ts";
import { openScene, type Scene } from "./fixtures/scene.ts";

/** What comes in 4 seconds. */
const UPDATES = 667;
let browser: Browser | null = null;
let scene: Scene;
let busy: Busy;

beforeAll(async () => {
  browser = await openBrowser();
  scene = await openScene();
  busy = await serveBusy(scene.jobs, { perMinute: 10_000, queues: 200 });
});
afterAll(async () => {
  await browser?.close();
  await busy.stop();
  await scene.stop();
});
beforeEach((context) => {
  if (browser === null) context.skip("chromium is not installed");
});

for (const [place, title] of [
  ["", "Overview"],
  ["queues", "Queues"],
] as const)
  test(`10,000 updates a minute of 200 queues keep ${title} under 100 ms a frame and its memory flat`, async () => {
    const { page, faults } = await openPage(browser as Browser, busy.origin);
    await page.goto(`${busy.origin}/#/main/${place}`);
    await page.getByRole("heading", { level: 1, name: title }).waitFor();
    await page.locator(".skeleton").waitFor({ state: "detached" });
    const updates = async (count: number): Promise<void> => {
      const until = busy.sent() + count;
      await expect.poll(() => busy.sent(), { timeout: 60_000 }).toBeGreaterThan(until);
    };
    await updates(170);
    const before = await heldBy(page);
    const main = await watchMainThread(page, () => updates(UPDATES));
    const after = await heldBy(page);
    const measured = JSON.stringify({ ...main, before, after });
    // By processor time, which other processes do not lengthen.
    expect(main.longest.ms, measured).toBeLessThan(100);
    expect(main.longest.ms, measured).toBeGreaterThan(0);
    // Four times a second, and once more for what is read every few seconds.
    expect(main.frames, measured).toBeGreaterThan(0);
    expect(main.frames, measured).toBeLessThan(UPDATES / 8);
    // One state that is kept is 30 KB.
    expect(after.bytes - before.bytes, measured).toBeLessThan(2_000_000);
    expect(after.nodes - before.nodes, measured).toBeLessThan(400);
    expect(await page.locator(".grid-row").count(), "rows in the document").toBeLessThan(60);
    expect(faults).toEqual([]);
    await page.context().close();
  });
