import type { Jobs } from "@waybill/core";
import type { DemoFiles } from "../album.ts";
import { finishWhenDone } from "../finish-when-done.ts";
import { mailAlbumReady, mailId } from "../jobs.ts";
import type { Accepted } from "../records.ts";

/** Enqueues the next job of an album, once a job's own result is on disk and before the job is settled. */
export interface FollowUps {
  /** Called after each size. Enqueues `album.finish` after the last one. */
  resized(albumId: string): Promise<void>;
  /** Called after the contact sheet. Enqueues the mail. */
  finished(albumId: string): Promise<void>;
}

/** `accept` records durably that the backend accepted a job. */
export function followUps(
  jobs: Pick<Jobs, "enqueue">,
  files: DemoFiles,
  accept: (accepted: readonly Accepted[]) => Promise<void>,
): FollowUps {
  return {
    async resized(albumId) {
      const id = await finishWhenDone(jobs, files, albumId);
      if (id !== null) await accept([{ kind: "accepted", at: Date.now(), albumId, id, type: "album.finish" }]);
    },
    async finished(albumId) {
      const id = mailId(albumId);
      await jobs.enqueue(mailAlbumReady, { albumId }, { id });
      await accept([{ kind: "accepted", at: Date.now(), albumId, id, type: "mail.album_ready" }]);
    },
  };
}
