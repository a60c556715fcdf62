import type { Jobs } from "@waybill/core";
import type { DemoFiles } from "../album.ts";
import { finishWhenDone } from "../finish-when-done.ts";
import { mailAlbumReady, mailId } from "../jobs.ts";
import type { Accepted } from "../records.ts";

/** What a job asks for when its own work is in place, and before it is settled: the next job, written down. */
export interface FollowUps {
  /** After the last size of an album: its finish. */
  resized(albumId: string): Promise<void>;
  /** After its contact sheet: its mail. */
  finished(albumId: string): Promise<void>;
}

/** `accept` writes down that a backend took a job, durably. */
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
