import { availableParallelism } from "node:os";
import { handlerFor, type Jobs } from "@waybill/core";
import { createReceiver, type Receiver } from "@waybill/http";
import type { DemoFiles } from "../album.ts";
import { albumFinish, mailAlbumReady, photoResize } from "../jobs.ts";
import type { Accepted } from "../records.ts";
import { AlbumHandlers } from "../handlers/album-handlers.ts";
import { followUps } from "../handlers/follow-ups.ts";
import type { Mailbox } from "../handlers/mail.ts";

export interface ReceiveParts {
  readonly jobs: Jobs;
  readonly files: DemoFiles;
  readonly mailbox: Mailbox;
  readonly keys: string;
  /** Writes the records durably to the ledger, then applies them to the board. */
  readonly record: (accepted: readonly Accepted[]) => Promise<void>;
}

/** Creates the endpoint at /work, which runs pushed jobs with the same handlers as the worker. */
export function receiveJobs({ jobs, files, mailbox, keys, record }: ReceiveParts): Receiver {
  const handlers = new AlbumHandlers(files, mailbox, followUps(jobs, files, record));
  return createReceiver({
    jobs: [
      handlerFor(photoResize, (photo, job) => handlers.resize(photo, job)),
      handlerFor(albumFinish, (album, job) => handlers.finish(album, job)),
      handlerFor(mailAlbumReady, (album, job) => handlers.mail(album, job)),
    ],
    keys,
    concurrency: Math.max(2, availableParallelism()),
  });
}
