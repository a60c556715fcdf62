import { expect, test } from "vitest";
import type { JobEvent } from "../src/job-event.ts";
import { finishId, resizeId } from "../src/jobs.ts";
import type { WebRecord } from "../src/records.ts";
import { createBoard } from "../src/web/board.ts";

const albumId = "2f6f62aa-0000-4000-8000-000000000001";
const photo = { id: "one-1", name: "one.jpg" };
const id = resizeId(albumId, photo.id, "small");
const upload: WebRecord[] = [
  { kind: "album", at: 10, albumId, title: "Trip" },
  { kind: "photo", at: 11, albumId, photo },
];

let seq = 0;
function event(at: number, more: Partial<JobEvent>): WebRecord {
  seq += 1;
  const base = { source: "w1", pid: 70, seq, at, event: "started", id, type: "photo.resize", queue: "media" } as const;
  return { kind: "event", at, event: { ...base, ...more } };
}

function boardOf(...records: WebRecord[]) {
  const board = createBoard();
  for (const record of records) board.apply(record);
  return board;
}

test("a photo shows its three jobs at once, and counts as unsubmitted until a backend has accepted all three", () => {
  const board = boardOf(...upload);
  expect(board.jobsOf(albumId).map((job) => [job.size, job.state])).toEqual([
    ["small", "waiting"],
    ["medium", "waiting"],
    ["large", "waiting"],
  ]);
  for (const size of ["small", "medium", "large"] as const) {
    expect(board.unsubmitted()).toEqual([{ albumId, photo }]);
    const accepted = { id: resizeId(albumId, photo.id, size), type: "photo.resize", albumId, photoId: photo.id, size };
    board.apply({ kind: "accepted", at: 12, ...accepted });
  }
  expect(board.unsubmitted()).toEqual([]);
});

test("a job's state follows its events: running, retrying until its time, dead with its reason", () => {
  const board = boardOf(...upload, event(20, { attempt: 1 }));
  expect(board.job(id)).toMatchObject({ state: "running", attempt: 1, starts: 1, pid: 70 });
  const reason = { code: "X", message: "no luck" };
  board.apply(event(21, { event: "settled", outcome: "retry", attempt: 1, delayMs: 500, reason }));
  expect(board.job(id)).toMatchObject({ state: "retrying", dueAt: 521, reason });
  board.apply(event(600, { attempt: 2 }));
  board.apply(event(601, { event: "settled", outcome: "dead", attempt: 2, reason }));
  expect(board.job(id)).toMatchObject({ state: "dead", attempt: 2, starts: 2, reason });
  board.apply({ kind: "retried", at: 700, id });
  expect(board.job(id)).toMatchObject({ state: "waiting", reason: null });
});

test("an event delivered late does not undo what came after it", () => {
  const board = boardOf(...upload, event(30, { attempt: 1, source: "w2", seq: 1 }));
  board.apply(event(31, { event: "settled", outcome: "completed", source: "w2", seq: 2 }));
  board.apply(event(20, { attempt: 1, seq: 900 }));
  expect(board.job(id)?.state).toBe("done");
});

test("an event that is posted again is recognized by its number, for each worker separately", () => {
  const first = event(20, {});
  const board = boardOf(...upload, first);
  if (first.kind !== "event") throw new Error("unreachable");
  expect(board.isNew(first.event)).toBe(false);
  expect(board.isNew({ ...first.event, seq: first.event.seq + 1 })).toBe(true);
  expect(board.isNew({ ...first.event, source: "w9" })).toBe(true);
});

test("a worker's death interrupts the jobs that it ran and no others", () => {
  const other = resizeId(albumId, photo.id, "large");
  const board = boardOf(...upload, event(20, {}), event(21, { id: other, pid: 71 }));
  board.interrupt(70);
  expect(board.job(id)?.state).toBe("interrupted");
  expect(board.job(other)?.state).toBe("running");
});

test("an album's finish job is shown by its derived id as soon as an event names it", () => {
  const board = boardOf(...upload, event(20, { id: finishId(albumId), type: "album.finish", event: "enqueued" }));
  expect(board.job(finishId(albumId))).toMatchObject({ type: "album.finish", albumId, state: "waiting" });
  board.apply(event(21, { id: "of another application" }));
  expect(board.jobs()).toHaveLength(4);
});

test("removing a photo removes its jobs", () => {
  const board = boardOf(...upload, { kind: "removed", at: 20, albumId, photoId: photo.id });
  expect(board.jobs()).toEqual([]);
  expect(board.unsubmitted()).toEqual([]);
  expect(board.album(albumId)?.photos).toEqual([]);
});
