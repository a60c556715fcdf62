import { existsSync } from "node:fs";
import { mkdir } from "node:fs/promises";
import { join } from "node:path";
import { type Browser, chromium, type Locator, type Page } from "playwright-core";
import { afterAll, afterEach, beforeAll, beforeEach, describe, expect, test } from "vitest";
import { launchPage, type Running, temporaryFolder } from "./demo-process.ts";
import { makePhotos, makeTruncatedPhoto } from "./make-photos.ts";

const CHROMIUM = "/usr/bin/chromium";
const ARGS = [
  "--headless",
  "--no-sandbox",
  "--disable-gpu",
  "--disable-quic",
  "--no-first-run",
  "--disable-background-networking",
  "--disable-component-update",
  "--disable-sync",
];

describe("the page in a real browser", () => {
  let browser: Browser | null = null;
  let folder: Awaited<ReturnType<typeof temporaryFolder>>;
  let running: Running & { address: string };
  let page: Page;
  let errors: string[];
  let photos: string;
  let screenshots: string;

  beforeAll(async () => {
    if (existsSync(CHROMIUM)) browser = await chromium.launch({ executablePath: CHROMIUM, args: ARGS });
  });
  afterAll(async () => {
    await browser?.close();
  });
  beforeEach(async (context) => {
    if (browser === null) return context.skip("chromium is not installed");
    folder = await temporaryFolder();
    photos = join(folder.path, "photos");
    screenshots = process.env["DEMO_SCREENSHOTS"] ?? join(folder.path, "screenshots");
    await mkdir(screenshots, { recursive: true });
    running = await launchPage(join(folder.path, "data"));
    page = await browser.newPage({ viewport: { width: 1280, height: 900 } });
    errors = [];
    page.on("pageerror", (error) => errors.push(error.message));
    page.on("console", (message) => message.type() === "error" && errors.push(message.text()));
    await page.goto(running.address);
  });
  afterEach(async () => {
    if (browser === null) return;
    await page.close();
    running.kill("SIGTERM");
    await running.exited;
    await folder.remove();
  });

  test("photos go in, progress is live, thumbnails come out, and the mail is in the outbox", async () => {
    const names = await makePhotos(photos, 9, { width: 1600, height: 1200 });
    await page.locator("#worker.up").waitFor();
    const seen = recordProgress();
    await page.setInputFiles(
      "#photos",
      names.map((name) => join(photos, name)),
    );
    await page.locator(".mails details").waitFor();
    expect(await page.locator(".tile.whole img").count()).toBe(9);
    expect(await broken()).toBe(0);
    expect(await page.locator("#sums [data-state=done] dd").textContent()).toBe("29");
    expect(await page.locator(".steps [data-state=done]").count()).toBe(3);
    const steps = await seen.stop();
    expect(steps.length, `progress seen: ${steps.join(" ")}`).toBeGreaterThan(2);

    await page.locator(".mails summary").click();
    expect(await page.locator(".mails pre").textContent()).toContain("9 photos, each in three sizes");
    await page.locator(".tile").first().click();
    const rows = page.locator("#photo tbody tr");
    expect(await rows.count()).toBe(3);
    expect(await rows.first().textContent()).toMatch(/small\s*done/);
    await screenshot("desktop");

    const opened = async (link: Locator): Promise<Page> => {
      const [popup] = await Promise.all([page.waitForEvent("popup"), link.click()]);
      return popup;
    };
    const timeline = await opened(rows.first().getByRole("link"));
    await timeline.getByRole("heading", { level: 1, name: /photo.resize completed/ }).waitFor();
    await timeline.getByRole("region", { name: "Timeline" }).getByText("Attempt 1").waitFor();
    await timeline.close();
    await page.locator("#photo").getByRole("button", { name: "Close" }).click();
    const dashboard = await opened(page.getByRole("link", { name: "Dashboard", exact: true }));
    await dashboard.getByRole("heading", { level: 1, name: "Overview" }).waitFor();
    await dashboard.close();
    expect(errors).toEqual([]);
  });

  test("a photo that cannot be read is shown as failed, a retry runs it again, and a replacement finishes the album", async () => {
    const names = await makePhotos(photos, 2);
    const brokenPhoto = await makeTruncatedPhoto(photos);
    await page.setInputFiles(
      "#photos",
      [...names, brokenPhoto].map((name) => join(photos, name)),
    );
    const failure = page.locator(".failure");
    await failure.locator("b", { hasText: /^broken.jpg$/ }).waitFor();
    // Its three jobs are one thing to look at.
    expect(await page.locator("#sums [data-state=dead] dd").textContent()).toBe("1");
    expect(await failure.textContent()).toContain("cannot be read as a photo");
    await screenshot("failure");
    expect(await failure.getByRole("link", { name: "Timeline" }).getAttribute("href")).toMatch(
      /^\/dashboard\/#\/main\/job/,
    );

    const retried = page.waitForResponse((response) => response.url().endsWith("/retry"));
    await failure.locator(".retry").click();
    expect((await retried).status()).toBe(202);
    // It runs a second time, fails for the same reason, and is listed again: 12 of the 14 lines.
    await page.locator(`.activity [data-state=dead] >> nth=5`).waitFor();
    await failure.locator("b", { hasText: /^broken.jpg$/ }).waitFor();

    await failure.locator("input[type=file]").setInputFiles(join(photos, names[0] ?? ""));
    await page.locator(".mails details").waitFor();
    expect(await failure.count()).toBe(0);
    expect(await page.locator(".tile.whole img").count()).toBe(3);
    expect(errors).toEqual([]);
  });

  /** Saves a screenshot in the folder `DEMO_SCREENSHOTS`, or in a temporary one. */
  async function screenshot(name: string): Promise<void> {
    await page.waitForTimeout(400);
    await page.screenshot({ path: join(screenshots, `${name}.png`) });
  }

  /** Collects the distinct values of the progress bar. */
  function recordProgress(): { stop: () => Promise<string[]> } {
    const script = "document.querySelector('[role=progressbar]')?.getAttribute('aria-valuenow') ?? ''";
    const seen = new Set<string>();
    const look = async (): Promise<void> => void seen.add(String(await page.evaluate(script)));
    const timer = setInterval(() => void look(), 30);
    return {
      async stop() {
        clearInterval(timer);
        await look();
        return [...seen].filter((value) => value !== "");
      },
    };
  }

  /** Counts the pictures on the page that did not load. */
  async function broken(): Promise<number> {
    await page.waitForLoadState("networkidle").catch(() => undefined);
    const script =
      "[...document.querySelectorAll('.tile img')].filter((img) => img.complete && img.naturalWidth === 0).length";
    return Number(await page.evaluate(script));
  }
});
