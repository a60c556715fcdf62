import type { Jobs } from "@waybill/core";
import { type DemoFiles, readAlbum, resizedNames, sizes } from "./album.ts";
import { albumFinish, finishId } from "./jobs.ts";

/**
 * Enqueues `album.finish` if every photo of the album has its three sizes on disk. Returns the job's id, or null when
 * a size is still missing. Called after each size and after each change of the album. The id and the envelope depend
 * on the album only, so repeated calls enqueue one job; SQS and RabbitMQ may deliver it once for each call.
 */
export async function finishWhenDone(
  jobs: Pick<Jobs, "enqueue">,
  files: DemoFiles,
  albumId: string,
): Promise<string | null> {
  const made = await resizedNames(files, albumId);
  const album = await readAlbum(files, albumId);
  if (album === null || album.photos.length === 0) return null;
  const isDone = album.photos.every((photo) => sizes.every((size) => made.has(`${photo.id}-${size}.webp`)));
  if (!isDone) return null;
  const id = finishId(albumId);
  await jobs.enqueue(albumFinish, { albumId }, { id });
  return id;
}
