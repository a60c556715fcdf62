import { mkdir, writeFile } from "node:fs/promises";
import { dirname } from "node:path";
import { connect, type Jobs } from "@waybill/core";
import { afterEach, beforeEach, expect, test } from "vitest";
import { demoFiles, sizes } from "../src/album.ts";
import { albumFinish, definitions, finishId, photoResize, resizeId } from "../src/jobs.ts";
import type { WebRecord } from "../src/records.ts";
import { type AlbumDeps, createAlbums } from "../src/web/albums.ts";
import { createBoard } from "../src/web/board.ts";
import { conclude } from "../src/web/conclude.ts";
import { retryJob } from "../src/web/retry.ts";
import { temporaryFolder } from "./demo-process.ts";

const albumId = "2f6f62aa-0000-4000-8000-000000000001";
const photo = { id: "one-1", name: "one.jpg" };
const payload = { albumId, photoId: photo.id, name: photo.name, size: "small" } as const;
const id = resizeId(albumId, photo.id, "small");
/** The ledger of a web process that was killed: the photo is on disk, its jobs are not enqueued. */
const begun: WebRecord[] = [
  { kind: "album", at: 1, albumId, title: "Trip" },
  { kind: "photo", at: 1, albumId, photo },
];

let folder: Awaited<ReturnType<typeof temporaryFolder>>;
let jobs: Jobs;
let deps: AlbumDeps;
beforeEach(async () => {
  folder = await temporaryFolder();
  jobs = await connect("memory:", { jobs: definitions, log: "off" });
  const board = createBoard();
  const record = async (records: readonly WebRecord[]): Promise<void> => records.forEach((each) => board.apply(each));
  deps = { jobs, files: demoFiles(folder.path), board, record };
  await record(begun);
});
afterEach(async () => {
  await jobs.close();
  await folder.remove();
});

test("a photo whose jobs a killed web process did not enqueue is enqueued by the next, and only once", async () => {
  await createAlbums(deps).catchUp();
  await createAlbums(deps).catchUp();
  expect(deps.board.unsubmitted()).toEqual([]);
  expect(deps.board.album(albumId)?.sealedAt).not.toBeNull();
  expect(await ready()).toBe(3);
});

test("an album whose last size was made without a web process is finished by the next one, and only once", async () => {
  for (const size of sizes) await place(deps.files.resized(albumId, photo.id, size));
  await createAlbums(deps).catchUp();
  await createAlbums(deps).catchUp();
  expect(await ready()).toBe(4);
  expect(await jobs.enqueue(albumFinish, { albumId }, { id: finishId(albumId) })).toMatchObject({ stored: false });
});

test("a job whose worker died after the settle is concluded: dead with a dead letter, done with a result", async () => {
  const soon = 20_000;
  expect(await conclude(deps, soon)).toEqual([]);
  await place(deps.files.resized(albumId, photo.id, "large"));
  expect(await conclude(deps, 5_000)).toEqual([]);
  const done = resizeId(albumId, photo.id, "large");
  expect(await conclude(deps, soon)).toEqual([{ kind: "concluded", at: soon, id: done, state: "done" }]);

  await die();
  expect(await conclude(deps, soon)).toContainEqual(expect.objectContaining({ id, state: "dead" }));
});

test("a result on disk does not conclude a job while its queue has jobs: the job may be one of them", async () => {
  await jobs.enqueue(photoResize, payload, { id });
  await place(deps.files.resized(albumId, photo.id, "small"));
  expect(await conclude(deps, 20_000)).toEqual([]);
});

test("a retry makes the dead job deliverable again, and is refused for a job that is not dead", async () => {
  await die();
  expect(await retryJob(deps, id)).toBe(false);
  await deps.record(await conclude(deps, 20_000));
  expect(await retryJob(deps, id)).toBe(true);
  expect(deps.board.job(id)?.state).toBe("waiting");
  expect([await ready(), await dead()]).toEqual([1, 0]);
});

test("removing a photo drops its dead letters and finishes the album of the others", async () => {
  await die();
  const other = { id: "two-2", name: "two.jpg" };
  await deps.record([{ kind: "photo", at: 2, albumId, photo: other }]);
  for (const size of sizes) await place(deps.files.resized(albumId, other.id, size));
  await createAlbums(deps).remove(albumId, photo.id);
  expect([await ready(), await dead()]).toEqual([1, 0]);
});

/** Has a worker settle the job as dead, without events that reach the board. */
async function die(): Promise<void> {
  await jobs.enqueue(photoResize, payload, { id });
  const handler = (): never => {
    throw Object.assign(new Error("no picture"), { name: "NotAPhoto" });
  };
  const worker = jobs.worker({ jobs: [{ ...photoResize, handler }] });
  await new Promise<void>((settle) => {
    jobs.events.on("settled", () => settle());
    void worker.start();
  });
  await worker.stop();
}

async function place(path: string): Promise<void> {
  await mkdir(dirname(path), { recursive: true });
  await writeFile(path, "a picture");
}

const ready = async (): Promise<number> => sum("ready");
const dead = async (): Promise<number> => sum("dead");

async function sum(state: "ready" | "dead"): Promise<number> {
  const counts = (await jobs.inspector?.counts()) ?? [];
  return counts.reduce((total, each) => total + each[state], 0);
}
