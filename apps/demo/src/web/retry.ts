import type { Jobs } from "@waybill/core";
import { albumFinish, mailAlbumReady, photoResize } from "../jobs.ts";
import type { AlbumDeps } from "./albums.ts";
import type { Board } from "./board.ts";
import type { JobView } from "./views.ts";

/** Replays a dead job. Returns false when the job is not dead. */
export async function retryJob({ jobs, board, record }: AlbumDeps, id: string): Promise<boolean> {
  const job = board.job(id);
  if (job?.state !== "dead") return false;
  await record([{ kind: "retried", at: Date.now(), id }]);
  const replayed = (await jobs.inspector?.replay({ ids: [id] })) ?? 0;
  // Without an inspector the dead letter remains, and the job is enqueued again.
  if (replayed === 0) await enqueueAgain(jobs, board, job);
  return true;
}

async function enqueueAgain(jobs: Jobs, board: Board, { id, type, albumId, photoId, size }: JobView): Promise<void> {
  if (type === albumFinish.type) await jobs.enqueue(albumFinish, { albumId }, { id });
  else if (type === mailAlbumReady.type) await jobs.enqueue(mailAlbumReady, { albumId }, { id });
  else if (photoId !== null && size !== null) {
    const name = board.album(albumId)?.photos.find((photo) => photo.id === photoId)?.name ?? photoId;
    await jobs.enqueue(photoResize, { albumId, photoId, name, size }, { id });
  }
}
