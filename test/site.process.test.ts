import { spawn, spawnSync } from "node:child_process";
import { once } from "node:events";
import { existsSync, globSync, readFileSync } from "node:fs";
import { join } from "node:path";
import { freePort } from "@waybill/test-servers";
import type { Browser, BrowserContextOptions, Page, Request } from "playwright-core";
import { afterAll, beforeAll, expect, test, vi } from "vitest";
import { pages, rewrittenPath } from "../docs/.vitepress/navigation.ts";
import { expectAccessible, openBrowser, openPage } from "../packages/dashboard/test/fixtures/browser.ts";
import { root } from "./workspace.ts";

const MOST_BYTES = 300_000;
const MOST_SHIFT = 0.05;
/** Each kind: text, wide tables, programs in six languages, what is generated, the spec. */
const KINDS = [
  "/",
  "/retries.html",
  "/backends.html",
  "/produce.html",
  "/api.html",
  "/guarantees.html",
  "/spec/1.0/envelope.html",
];

const vitepress = join(root, "node_modules/vitepress/bin/vitepress.js");
const env = { ...process.env, NODE_ENV: "production" };
const dist = join(root, "dist/site");
let browser: Browser | null = null;
let origin: string;
let stop = async (): Promise<unknown> => null;

beforeAll(async () => {
  const built = spawnSync("node", [vitepress, "build", "docs"], { cwd: root, env, encoding: "utf8" });
  if (built.status !== 0) throw new Error(`${built.stdout}${built.stderr}`);
  const port = await freePort();
  origin = `http://localhost:${port}`;
  const args = [vitepress, "preview", "docs", "--port", String(port)];
  const server = spawn("node", args, { cwd: root, env, stdio: "ignore" });
  const ended = once(server, "exit");
  stop = () => (server.kill(), ended);
  await vi.waitFor(async () => expect((await fetch(origin)).status).toBe(200), { timeout: 60_000, interval: 100 });
  browser = await openBrowser();
}, 600_000);
afterAll(async () => {
  await browser?.close();
  await stop();
});

/** A page of the browser in which pages of the site are visited one after the other, each loaded anew. */
interface Visitor {
  readonly page: Page;
  /** What has gone wrong in all its visits. */
  readonly faults: readonly string[];
  /** Loads a page of the site until nothing is on its way. Returns what moved, what was loaded, and what went wrong. */
  visit(place: string): Promise<{ shift: number; bytes: number; faults: readonly string[] }>;
}

/** From before the page's first line: what moves, by the browser's own measure. */
const WATCH = `globalThis.shift = 0;
  const add = (list) => list.forEach((one) => (shift += one.hadRecentInput ? 0 : one.value));
  const observer = new PerformanceObserver((list) => add(list.getEntries()));
  observer.observe({ type: "layout-shift", buffered: true });
  globalThis.shiftSoFar = () => (add(observer.takeRecords()), shift);`;

/** Vue writes this once the page is alive; two frames later what that moved has been drawn. */
const ALIVE = 'document.querySelector("#app")?.__vue_app__ !== undefined';
const TWO_FRAMES = "new Promise((drawn) => requestAnimationFrame(() => requestAnimationFrame(drawn)))";

async function openVisitor(from: Browser, options: BrowserContextOptions): Promise<Visitor> {
  const { page, faults } = await openPage(from, origin, options);
  page.setDefaultTimeout(120_000);
  const session = await page.context().newCDPSession(page);
  let bytes = 0;
  const running = new Set<Request>();
  session.on("Network.loadingFinished", ({ encodedDataLength }) => (bytes += encodedDataLength));
  page.on("request", (request) => running.add(request));
  page.on("requestfinished", (request) => running.delete(request));
  page.on("requestfailed", (request) => {
    running.delete(request);
    faults.push(`failed: ${request.url()}`);
  });
  page.on("response", (response) => response.status() >= 400 && faults.push(`${response.status()}: ${response.url()}`));
  await session.send("Network.enable");
  await session.send("Network.setCacheDisabled", { cacheDisabled: true });
  await page.addInitScript(WATCH);
  return {
    page,
    faults,
    async visit(place) {
      bytes = 0;
      const before = faults.length;
      await page.goto(`${origin}${place}`, { waitUntil: "load" });
      await page.waitForFunction(ALIVE);
      await expect.poll(() => running.size, { timeout: 120_000 }).toBe(0);
      await page.evaluate(TWO_FRAMES);
      return { shift: Number(await page.evaluate("shiftSoFar()")), bytes, faults: faults.slice(before) };
    },
  };
}

/** Names in the sidebar that end beyond its edge. */
const CLIPPED = `[...document.querySelectorAll(".VPSidebar .text")]
  .filter((one) => one.getBoundingClientRect().right > one.closest(".VPSidebar").getBoundingClientRect().right)
  .map((one) => one.textContent)`;

/** A colour that is still fading in has another contrast. */
const STILL = { content: "* { transition: none !important; animation: none !important; }" };

/** Rows after the third of a table, and programs after the second of a language, look as those before them. */
const SHORTEN = `
  for (const rows of document.querySelectorAll("main tbody")) [...rows.children].slice(3).forEach((one) => one.remove());
  const shown = {};
  for (const code of document.querySelectorAll("main div[class*=language-]"))
    if ((shown[code.className] = (shown[code.className] ?? 0) + 1) > 2) code.remove();`;

/** What the theme decides and no page: checked on each kind of page, since it is most of what axe takes. */
const OF_THE_THEME = ["color-contrast", "target-size", "link-in-text-block"];

function expectSmall(place: string, { shift, bytes, faults }: Awaited<ReturnType<Visitor["visit"]>>): void {
  expect(faults, place).toEqual([]);
  expect(shift, place).toBeLessThanOrEqual(MOST_SHIFT);
  expect(bytes, place).toBeLessThanOrEqual(MOST_BYTES);
  expect(bytes, place).toBeGreaterThan(10_000);
}

/** Three visitors share the pages: while one waits for the browser, another works. */
async function visitEach(from: Browser, places: readonly string[], options: BrowserContextOptions, look: Look) {
  const left = [...places];
  const visitors = await Promise.all([1, 2, 3].map(() => openVisitor(from, options)));
  const seen = visitors.map(async (visitor) => {
    for (let place = left.shift(); place !== undefined; place = left.shift()) {
      expectSmall(place, await visitor.visit(place));
      expect(
        await visitor.page.evaluate("document.documentElement.scrollWidth - innerWidth"),
        place,
      ).toBeLessThanOrEqual(0);
      await visitor.page.addStyleTag(STILL);
      await look(visitor.page, place);
    }
    await visitor.page.context().close();
  });
  await Promise.all(seen);
}

type Look = (page: Page, place: string) => Promise<void>;

const everyPage = pages.map(({ address }) => (address.endsWith("/") ? address : `${address}.html`));

test("on every page axe finds nothing in what the page says, no request fails or leaves the origin, nothing moves, is too wide or too large", async (context) => {
  if (browser === null) return context.skip("chromium is not installed");
  expect(everyPage.length).toBeGreaterThan(50);
  await visitEach(browser, everyPage, {}, (page, place) =>
    expectAccessible(page, place, { within: "main", without: OF_THE_THEME }),
  );
});

for (const [width, height, colorScheme] of [
  [1_440, 900, "light"],
  [390, 844, "dark"],
] as const) {
  test(`axe finds nothing on any kind of page, ${width} px wide, ${colorScheme}; nothing leaves the origin, moves, fails or is too wide or too large`, async (context) => {
    if (browser === null) return context.skip("chromium is not installed");
    await visitEach(browser, KINDS, { viewport: { width, height }, colorScheme }, async (page, place) => {
      expect(await page.evaluate(CLIPPED), place).toEqual([]);
      await page.evaluate(SHORTEN);
      await expectAccessible(page, place);
    });
  });
}

test("the search finds unique jobs, without a request to another origin", async (context) => {
  if (browser === null) return context.skip("chromium is not installed");
  const { page, faults, visit } = await openVisitor(browser, {});
  await visit("/");
  await page.keyboard.press("Control+k");
  await page.getByRole("searchbox").fill("unique");
  await page.getByRole("option").filter({ hasText: "Unique jobs" }).first().click();
  await page.waitForURL(/\/unique-jobs\.html/);
  await page.getByRole("heading", { level: 1, name: "Unique jobs" }).waitFor();
  expect(faults).toEqual([]);
  await page.context().close();
});

/** Tags' attributes, of HTML as VitePress writes it. */
const valuesOf = (html: string, attribute: string): string[] =>
  [...html.matchAll(new RegExp(`<[^>]*? ${attribute}="([^"]*)"`, "g"))].map(([, value = ""]) => value);

test("every internal link and anchor of every page leads to something", () => {
  const html = new Map(
    globSync("**/*.html", { cwd: dist }).map((file) => [file, readFileSync(join(dist, file), "utf8")] as const),
  );
  expect(html.size).toBeGreaterThan(pages.length);
  const ids = new Map([...html].map(([file, text]) => [file, new Set(valuesOf(text, "id"))] as const));
  let checked = 0;
  const dead = [...html].flatMap(([from, text]) =>
    [...new Set(valuesOf(text, "href"))]
      .filter((href) => !/^(https?|mailto|data):/.test(href))
      .filter((href) => {
        checked += 1;
        const { pathname, hash } = new URL(href.replaceAll("&amp;", "&"), `http://site/${from}`);
        const file = decodeURI(pathname.slice(1)).replace(/(^|\/)$/, "$1index.html");
        const anchor = decodeURIComponent(hash.slice(1));
        return !existsSync(join(dist, file)) || !(anchor === "" || (ids.get(file)?.has(anchor) ?? true));
      })
      .map((href) => `${from}: ${href}`),
  );
  expect(dead).toEqual([]);
  expect(checked).toBeGreaterThan(1_000);
});

test("llms.txt has every page of the sidebar, as Markdown that is there and whose links are", () => {
  const listed = [...readFileSync(join(dist, "llms.txt"), "utf8").matchAll(/^- \[.+\]\(\/(\S+)\): \S.*$/gm)];
  expect(listed.map(([, path]) => path)).toEqual(pages.map(rewrittenPath));
  const dead = pages.map(rewrittenPath).flatMap((path) => {
    const prose = readFileSync(join(dist, path), "utf8").replaceAll(/```[\s\S]*?```|`[^`\n]*`/g, "");
    const targets = [...prose.matchAll(/\]\((\/[^)#\s]+)/g)].map(([, target = ""]) => target);
    return targets.filter((target) => !existsSync(join(dist, target))).map((target) => `${path}: ${target}`);
  });
  expect(dead).toEqual([]);
});
