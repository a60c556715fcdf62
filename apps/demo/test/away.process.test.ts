import { readdir, readFile, stat } from "node:fs/promises";
import { join } from "node:path";
import { afterEach, beforeEach, describe, expect, test } from "vitest";
import { isAlive } from "../src/durable-file.ts";
import { readLedger } from "../src/ledger.ts";
import type { WebRecord } from "../src/records.ts";
import type { JobView } from "../src/web/views.ts";
import { launchPage, readLog, type Running, temporaryFolder, until } from "./demo-process.ts";
import { makePhotos } from "./make-photos.ts";

let folder: Awaited<ReturnType<typeof temporaryFolder>>;
let data: string;
let photos: string;
let running: (Running & { address: string }) | null = null;
beforeEach(async () => {
  folder = await temporaryFolder();
  data = join(folder.path, "data");
  photos = join(folder.path, "photos");
});
afterEach(async () => {
  running?.kill("SIGTERM");
  await running?.exited;
  running = null;
  await folder.remove();
});

describe("processes that are killed or stopped", () => {
  test("while the web process is down, the worker's events stay on disk, and each arrives once", async () => {
    await makePhotos(photos, 24, { width: 1200, height: 900 });
    running = await launchPage(data);
    const albumId = await uploadTo(running.address);
    const webPid = (await readLog(data, "web"))[0]?.pid ?? 0;
    await until("a first job", async () =>
      (await jobsOf(running?.address, albumId))?.some((job) => job.state === "done"),
    );
    const killedAt = Date.now();
    process.kill(webPid, "SIGKILL");
    const jobs = await until("the whole album", async () => {
      const now = await jobsOf(running?.address, albumId);
      return now?.length === 74 && now.every((job) => job.state === "done") ? now : null;
    });
    expect(jobs.every((job) => job.attempt === 1 && job.starts === 1)).toBe(true);

    const boots = (await readLog(data, "web")).filter((line) => line.event === "booted");
    expect(boots).toHaveLength(2);
    const backAt = Date.parse(boots[1]?.at ?? "");
    const events = (await readLedger<WebRecord>(join(data, "ledger", "web.ndjson"))).flatMap((record) =>
      record.kind === "event" ? record.event : [],
    );
    expect(events.filter((event) => event.at > killedAt && event.at < backAt).length).toBeGreaterThan(0);
    expect(new Set(events.map((event) => `${event.source} ${event.seq}`)).size).toBe(events.length);
    await until("an empty spool", async () => (await spoolBytes()) === 0);
  });

  test("a killed worker is started again within a second, and the page's button kills it", async () => {
    running = await launchPage(data);
    const pid = await workerPid(1);
    await until("the worker's first post", async () => (await readLog(data, "worker")).length > 0);
    const killedAt = performance.now();
    const response = await fetch(`${running.address}/stage`, {
      method: "POST",
      headers: { "content-type": "application/json" },
      body: JSON.stringify({ do: "kill" }),
    });
    expect(response.status).toBe(202);
    const next = await workerPid(2);
    expect(performance.now() - killedAt).toBeLessThan(1_000);
    expect(next).not.toBe(pid);
    expect(running.stdout()).toContain(`worker ${pid} died (SIGKILL)`);
  });

  test("when the launcher itself is killed, both processes end by themselves and the folder can be used again", async () => {
    running = await launchPage(data);
    const worker = Number(await workerPid(1));
    const web = (await readLog(data, "web"))[0]?.pid ?? 0;
    await until("the worker", async () => (await readLog(data, "worker")).some((line) => line.event === "booted"));
    running.kill("SIGKILL");
    try {
      await until("the end of both", () => !isAlive(worker) && !isAlive(web));
    } finally {
      for (const pid of [worker, web].filter(isAlive)) process.kill(pid, "SIGKILL");
    }
    running = await launchPage(data);
    expect(await (await fetch(`${running.address}/health`)).json()).toEqual({ ok: true });
  });

  test("a signal ends launcher, worker and web in order, with exit code 0", async () => {
    running = await launchPage(data);
    const worker = Number(await workerPid(1));
    const web = (await readLog(data, "web"))[0]?.pid ?? 0;
    await until("the worker", async () => (await readLog(data, "worker")).some((line) => line.event === "booted"));
    running.kill("SIGINT");
    expect(await running.exited).toBe(0);
    expect(isAlive(worker) || isAlive(web)).toBe(false);
    // Nest reports the signal only after the phase in which a worker drains.
    expect((await readLog(data, "worker")).at(-1)).toMatchObject({ event: "stopped", reason: "close" });
  });

  async function workerPid(nth: number): Promise<string> {
    return until(
      `worker ${nth}`,
      () => [...(running?.stdout() ?? "").matchAll(/started \(pid (\d+)\)/g)][nth - 1]?.[1],
    );
  }

  async function uploadTo(address: string): Promise<string> {
    const body = new FormData();
    for (const name of (await readdir(photos)).sort())
      body.append("photos", new Blob([await readFile(join(photos, name))]), name);
    const response = await fetch(`${address}/albums?title=Away`, { method: "POST", body });
    expect(response.status).toBe(201);
    return ((await response.json()) as { albumId: string }).albumId;
  }

  /** Returns null while the web process does not respond. */
  async function jobsOf(address: string | undefined, albumId: string): Promise<JobView[] | null> {
    const response = await fetch(`${address}/albums/${albumId}`).catch(() => null);
    return response?.ok ? ((await response.json()) as { jobs: JobView[] }).jobs : null;
  }

  async function spoolBytes(): Promise<number> {
    const names = await readdir(join(data, "spool"));
    const files = await Promise.all(names.map((name) => stat(join(data, "spool", name))));
    return files.reduce((sum, file) => sum + file.size, 0);
  }
});
