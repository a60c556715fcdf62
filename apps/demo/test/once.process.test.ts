import { copyFile, mkdir, readdir, readFile, writeFile } from "node:fs/promises";
import { join } from "node:path";
import { afterEach, beforeEach, describe, expect, test } from "vitest";
import { startOf } from "../src/launch/folder-lock.ts";
import { lastJson, launch, type LogLine, readLog, temporaryFiles, temporaryFolder } from "./demo-process.ts";
import { makePhotos, makeTruncatedPhoto } from "./make-photos.ts";

let folder: Awaited<ReturnType<typeof temporaryFolder>>;
let photos: string;
let data: string;
beforeEach(async () => {
  folder = await temporaryFolder();
  photos = join(folder.path, "photos");
  data = join(folder.path, "data");
});
afterEach(() => folder.remove());

describe("npm run demo -- --once DIR", () => {
  test("R23, R52, R4: with no service and no setting, a folder becomes pictures, a sheet and a mail, in another process", async () => {
    await makePhotos(photos, 12);
    await mkdir(join(photos, "more"));
    // The same name in two folders is two photos; a file without a photo's extension is ignored.
    await copyFile(join(photos, "photo-001.jpg"), join(photos, "more", "photo-001.jpg"));
    await writeFile(join(photos, "notes.txt"), "not a photo");
    const run = launch(["--once", photos], { DEMO_DATA: data });
    expect(await run.exited).toBe(0);

    expect(lastJson(run)).toMatchObject({ enqueued: 41, completed: 41, dead: 0, photos: 13 });
    expect(run.stdout().trimEnd().split("\n")).toHaveLength(1);
    const [web, worker] = [await readLog(data, "web"), await readLog(data, "worker")];
    expectBootLines(web, worker);
    expectTimelines([...web, ...worker]);
    await expectMail(data);
    expect(await temporaryFiles(data)).toEqual([]);
    expect(worker.at(-1)).toMatchObject({ event: "stopped", completed: 41, dead: 0, unfinished: 0 });
  });

  test("R2, R22: with --push the web process makes the same album, from jobs that are pushed to it one by one", async () => {
    await makePhotos(photos, 12);
    const run = launch(["--push", "--once", photos], { DEMO_DATA: data });
    expect(await run.exited).toBe(0);
    expect(lastJson(run)).toMatchObject({ enqueued: 38, completed: 38, dead: 0 });
    const [web, pusher] = [await readLog(data, "web"), await readLog(data, "pusher")];
    for (const [log, who] of [[web, "the receiver"] as const, [pusher, "the sender"] as const]) {
      const byJob = Map.groupBy(
        log.filter(({ event }) => event === "started" || event === "settled"),
        ({ id }) => id,
      );
      expect(byJob.size, who).toBe(38);
      for (const lines of byJob.values()) {
        expect(
          lines.map(({ event }) => event),
          who,
        ).toEqual(["started", "settled"]);
        expect(lines[1], who).toMatchObject({ outcome: "completed", attempt: 1 });
      }
      expect(log.at(-1), who).toMatchObject({ event: "stopped", completed: 38, unfinished: 0 });
    }
    expect(web.find(({ role }) => role === "receiver")).toMatchObject({ backend: "push:native at /work" });
    await expectMail(data);
  });

  test("with --push a photo that cannot be read is dead after one attempt, by the receiver's response", async () => {
    await makePhotos(photos, 1);
    await makeTruncatedPhoto(photos);
    const run = launch(["--push", "--once", photos], { DEMO_DATA: data });
    expect(await run.exited).toBe(1);
    expect(lastJson(run)).toMatchObject({ enqueued: 6, completed: 3, dead: 3 });
    const dead = (await readLog(data, "pusher")).filter((line) => line.outcome === "dead");
    expect(dead.map(({ attempt }) => attempt)).toEqual([1, 1, 1]);
    expect(JSON.stringify(dead)).toContain("cannot be read as a photo");
  });

  test("a photo that cannot be read is dead for each of its sizes, the others are done, and the exit code is 1", async () => {
    await makePhotos(photos, 2);
    await makeTruncatedPhoto(photos);
    await writeFile(join(photos, "letter.png"), "Dear reader, this is no picture.");
    const run = launch(["--once", photos], { DEMO_DATA: data });
    expect(await run.exited).toBe(1);
    expect(lastJson(run)).toMatchObject({ enqueued: 12, completed: 6, dead: 6 });
    const dead = (await readLog(data, "worker")).filter((line) => line.outcome === "dead");
    expect(dead).toHaveLength(6);
    expect(dead.every((line) => line.attempt === 1)).toBe(true);
    expect(JSON.stringify(dead)).toContain("cannot be read as a photo");
  });

  test.for([
    {
      what: "a folder that is not there",
      args: ["--once", "/nowhere/at/all"],
      env: {},
      says: "there is no such folder",
    },
    { what: "a folder without photos", args: ["--once", "."], env: {}, says: "there is no photo in" },
    {
      what: "a backend that one process cannot share",
      args: [],
      env: { WAYBILL_URL: "memory:" },
      says: "which the demo's two processes cannot share",
    },
    { what: "an unknown backend", args: [], env: { WAYBILL_URL: "carrier-pigeon:" }, says: "no backend answers for" },
    { what: "a port that is no port", args: [], env: { PORT: "many" }, says: 'PORT is "many"' },
  ])("$what ends at once with an error message and exit code 1", async ({ args, env, says }) => {
    const empty = join(folder.path, "empty");
    await mkdir(empty);
    const run = launch(
      args.map((arg) => (arg === "." ? empty : arg)),
      { DEMO_DATA: data, ...env },
    );
    expect(await run.exited).toBe(1);
    expect(run.stderr()).toContain(says);
  });

  test("a second launcher in the same data folder is refused and the first continues", async () => {
    await mkdir(data, { recursive: true });
    await writeFile(join(data, "launcher.pid"), `${process.pid} ${await startOf(process.pid)}`);
    const second = launch([], { DEMO_DATA: data });
    expect(await second.exited).toBe(1);
    expect(second.stderr()).toContain(`the demo already runs in ${data} (pid ${process.pid})`);
    expect(await readdir(data)).toEqual(["launcher.pid"]);
  });

  test("the lock of a killed launcher, whose process id another program has by now, does not block the next one", async () => {
    await makePhotos(photos, 1);
    await mkdir(data, { recursive: true });
    await writeFile(join(data, "launcher.pid"), `${process.pid} 12345`);
    const next = launch(["--once", photos], { DEMO_DATA: data });
    expect(await next.exited).toBe(0);
    expect(lastJson(next)).toMatchObject({ enqueued: 5, completed: 5 });
  });
});

/** One build, two roles: each process logs its role, environment, backend and queues. */
function expectBootLines(web: LogLine[], worker: LogLine[]): void {
  const backend = `sqlite:${join(data, "waybill.db")}`;
  const queues = ["media", "mailers"];
  expect(web[0]).toMatchObject({ event: "booted", role: "web", env: "development", backend, queues });
  expect(worker[0]).toMatchObject({ event: "booted", role: "worker", env: "development", backend, queues });
  expect(web[0]?.pid).not.toBe(worker[0]?.pid);
}

/** From the lines on stdout alone: each job was enqueued, started and settled, in that order, once each. */
function expectTimelines(lines: LogLine[]): void {
  const timelines = new Map<string, LogLine[]>();
  for (const line of lines) {
    if (line.id !== undefined) timelines.set(line.id, [...(timelines.get(line.id) ?? []), line]);
  }
  expect(timelines.size).toBe(41);
  for (const timeline of timelines.values()) {
    const enqueued = timeline.find((line) => line.event === "enqueued" && line["stored"] === true);
    const run = timeline.filter((line) => line.event !== "enqueued");
    expect(enqueued).toBeDefined();
    expect(run.map((line) => line.event)).toEqual(["started", "settled"]);
    expect(run[1]).toMatchObject({ outcome: "completed", attempt: 1, type: enqueued?.type, host: enqueued?.["host"] });
    expect(run.every((line) => typeof line.worker === "string" && line["queue"] === enqueued?.["queue"])).toBe(true);
    const [started = "", settled = ""] = run.map((line) => line.at);
    expect(started <= settled).toBe(true);
  }
}

/** The letter in the outbox is a real message with the contact sheet in it. */
async function expectMail(folderOfData: string): Promise<void> {
  const outbox = join(folderOfData, "outbox");
  const letters = (await readdir(outbox)).filter((name) => name.endsWith(".eml"));
  expect(letters).toHaveLength(1);
  const letter = await readFile(join(outbox, letters[0] ?? ""), "utf8");
  expect(letter).toMatch(/^To: you@example\.com$/m);
  expect(letter).toMatch(/^Message-ID: <[0-9a-f-]{36}@waybill-demo>$/m);
  expect(letter).toContain("contact-sheet.jpg");
}
