import { availableParallelism } from "node:os";
import { handlerFor, type Jobs } from "@waybill/core";
import { createReceiver, type Receiver } from "@waybill/http";
import type { DemoFiles } from "../album.ts";
import { albumFinish, mailAlbumReady, photoResize } from "../jobs.ts";
import type { Accepted } from "../records.ts";
import { AlbumWork } from "../work/album-work.ts";
import { followUps } from "../work/follow-ups.ts";
import type { Mailbox } from "../work/mail.ts";

export interface ReceiveParts {
  readonly jobs: Jobs;
  readonly files: DemoFiles;
  readonly mailbox: Mailbox;
  readonly keys: string;
  /** Writes to the ledger, durably, then to the board. */
  readonly record: (accepted: readonly Accepted[]) => Promise<void>;
}

/** The door at /work, by which the web process runs what others leased: the worker's own methods, called from Express. */
export function receiveJobs({ jobs, files, mailbox, keys, record }: ReceiveParts): Receiver {
  const work = new AlbumWork(files, mailbox, followUps(jobs, files, record));
  return createReceiver({
    jobs: [
      handlerFor(photoResize, (photo, job) => work.resize(photo, job)),
      handlerFor(albumFinish, (album, job) => work.finish(album, job)),
      handlerFor(mailAlbumReady, (album, job) => work.mail(album, job)),
    ],
    keys,
    concurrency: Math.max(2, availableParallelism()),
  });
}
