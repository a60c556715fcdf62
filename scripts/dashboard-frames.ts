// Measures what pages of the dashboard do while 10,000 updates a minute arrive: npm run bench:dashboard
import { setTimeout as pause } from "node:timers/promises";
import { openBrowser, openPage } from "../packages/dashboard/test/fixtures/browser.ts";
import { serveBusy } from "../packages/dashboard/test/fixtures/busy.ts";
import { heldBy, watchMainThread } from "../packages/dashboard/test/fixtures/main-thread.ts";
import { openScene } from "../packages/dashboard/test/fixtures/scene.ts";

const SECONDS = Number(process.env["SECONDS"] ?? 60);
const QUEUES = Number(process.env["QUEUES"] ?? 40);
const megabytes = (bytes: number): string => (bytes / 1e6).toFixed(2);

const browser = await openBrowser();
if (browser === null) throw new Error("chromium is not installed: run npm run needs");
const scene = await openScene();
const busy = await serveBusy(scene.jobs, { perMinute: 10_000, queues: QUEUES });
try {
  for (const place of ["", "queues", "jobs", "workers"]) {
    const { page } = await openPage(browser, busy.origin);
    await page.goto(`${busy.origin}/#/main/${place}`);
    await page.getByRole("heading", { level: 1 }).waitFor();
    await pause(2_000);
    const before = await heldBy(page);
    const sentBefore = busy.sent();
    const main = await watchMainThread(page, () => pause(SECONDS * 1_000));
    const updates = busy.sent() - sentBefore;
    const after = await heldBy(page);
    console.log(`${place || "overview"}: ${updates} updates of ${QUEUES} queues in ${SECONDS} s`);
    console.log(`  longest task         ${main.longest.ms.toFixed(1)} ms of processor time (${main.longest.parts})`);
    console.log(`  all tasks            ${main.busyMs.toFixed(0)} ms of processor time`);
    console.log(`  frames               ${main.frames}, ${main.framesOver100Ms} took more than 100 ms by the clock`);
    console.log(`  heap                 ${megabytes(before.bytes)} MB, then ${megabytes(after.bytes)} MB`);
    console.log(`  nodes                ${before.nodes}, then ${after.nodes}`);
    await page.context().close();
  }
} finally {
  await browser.close();
  await busy.stop();
  await scene.stop();
}
