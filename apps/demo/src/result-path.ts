import type { DemoFiles, Size } from "./album.ts";
import { albumFinish } from "./jobs.ts";

/** The fields of a job that determine the path of its result. */
export interface MadeBy {
  readonly id: string;
  readonly type: string;
  readonly albumId: string;
  readonly photoId?: string | null | undefined;
  readonly size?: Size | null | undefined;
}

/** Returns the path of the file that exists once the job is done. */
export function resultPath(files: DemoFiles, { id, type, albumId, photoId, size }: MadeBy): string {
  if (type === albumFinish.type) return files.contactSheet(albumId);
  return photoId && size ? files.resized(albumId, photoId, size) : files.receipt(id);
}
