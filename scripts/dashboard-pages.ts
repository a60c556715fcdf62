// Measures how long the dashboard's server takes for a page of jobs, in a store with 100,000 of them: npm run bench:dashboard
import { mkdtempSync, rmSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { connect, type Jobs } from "@waybill/core";
import { createDashboard, type Dashboard } from "@waybill/dashboard";
import { findService } from "@waybill/test-servers";

const JOBS = Number(process.env["JOBS"] ?? 100_000);
const PORTION = 1_000;
const PAGE = 200;
const ROUNDS = 5;

interface Page {
  readonly jobs: readonly unknown[];
  readonly next: string | null;
}

async function fill(jobs: Jobs): Promise<void> {
  for (let from = 0; from < JOBS; from += PORTION) {
    const portion = Array.from({ length: Math.min(PORTION, JOBS - from) }, (_, at) => ({
      job: `type.t${(from + at) % 20}`,
      payload: { order: from + at, note: (from + at) % 9_973 === 0 ? "a needle" : "hay" },
      options: {
        queue: `queue-${(from + at) % 7}`,
        tenant: `tenant-${(from + at) % 100}`,
        ...((from + at) % 3 === 0 && { delay: "1d" as const }),
      },
    }));
    const refused = (await jobs.enqueueMany(portion)).find(({ ok }) => !ok);
    if (refused !== undefined) throw new Error(JSON.stringify(refused));
  }
}

async function read(dashboard: Dashboard, query: string): Promise<{ readonly page: Page; readonly ms: number }> {
  const began = performance.now();
  const response = await dashboard(new Request(`http://localhost/api/main/jobs?limit=${PAGE}${query}`));
  const page = (await response.json()) as Page;
  if (!response.ok) throw new Error(JSON.stringify(page));
  return { page, ms: performance.now() - began };
}

const median = (values: readonly number[]): number =>
  values.toSorted((a, b) => a - b)[Math.floor(values.length / 2)] ?? Number.NaN;

async function measure(url: string): Promise<void> {
  const jobs = await connect(url, { log: "off" });
  const dashboard = createDashboard({ connections: { main: jobs }, auth: "loopback" });
  await fill(jobs);
  const times: number[] = [];
  let listed = 0;
  for (let after: string | null = ""; after !== null;) {
    const { page, ms } = await read(dashboard, after === "" ? "" : `&after=${encodeURIComponent(after)}`);
    times.push(ms);
    listed += page.jobs.length;
    after = page.next;
  }
  if (listed !== JOBS) throw new Error(`${listed} jobs were listed, not ${JOBS}`);
  const middle = Math.floor(times.length / 2) - ROUNDS;
  const parts = { first: times.slice(0, 10), middle: times.slice(middle, middle + 10), last: times.slice(-10) };
  const rows: Record<string, number> = {};
  for (const [name, part] of Object.entries(parts)) rows[`${name} pages, median of 10`] = median(part);
  rows["slowest of all pages"] = Math.max(...times);
  for (const filter of [
    "type=type.t7",
    "tenant=tenant-42",
    "queue=queue-3",
    "state=delayed",
    "text=needle",
    "state=ready&tenant=tenant-7&type=type.t7",
  ]) {
    const rounds: number[] = [];
    for (let round = 0; round < ROUNDS; round++) rounds.push((await read(dashboard, `&${filter}`)).ms);
    rows[filter] = median(rounds);
  }
  console.log(`${jobs.backend.name}: ${JOBS} jobs, ${times.length} pages of ${PAGE}, milliseconds`);
  for (const [name, ms] of Object.entries(rows)) console.log(`  ${name.padEnd(44)} ${ms.toFixed(1)}`);
  await jobs.close();
}

const folder = mkdtempSync(join(tmpdir(), "waybill-pages-"));
const postgres = await findService("postgres");
try {
  await measure(`sqlite:${join(folder, "jobs.db")}`);
  const url = `${postgres.url}${postgres.url.includes("?") ? "&" : "?"}schema=pages_${process.pid}`;
  await measure(url);
} finally {
  await postgres.stop();
  rmSync(folder, { recursive: true, force: true });
}
