import type { JobContext } from "@waybill/core";
import { JobHandler } from "@waybill/nest";
import type { DemoFiles } from "../album.ts";
import { albumFinish, mailAlbumReady, photoResize, type PayloadOf } from "../jobs.ts";
import { makeContactSheet } from "./finish.ts";
import type { FollowUps } from "./follow-ups.ts";
import { type Mailbox, sendMail } from "./mail.ts";
import { resizePhoto } from "./resize.ts";

/**
 * The handlers of the demo's jobs, the same for leased and for pushed jobs. The Nest application finds them by their
 * decorators; the Express application calls the methods.
 */
export class AlbumHandlers {
  readonly #files: DemoFiles;
  readonly #mailbox: Mailbox;
  readonly #next: FollowUps;

  constructor(files: DemoFiles, mailbox: Mailbox, next: FollowUps) {
    this.#files = files;
    this.#mailbox = mailbox;
    this.#next = next;
  }

  @JobHandler(photoResize)
  async resize(photo: PayloadOf<typeof photoResize>, job: JobContext): Promise<void> {
    await resizePhoto(this.#files, photo, job.signal);
    await this.#next.resized(photo.albumId);
  }

  @JobHandler(albumFinish)
  async finish({ albumId }: PayloadOf<typeof albumFinish>, job: JobContext): Promise<void> {
    await makeContactSheet(this.#files, albumId, job.signal);
    await this.#next.finished(albumId);
  }

  @JobHandler(mailAlbumReady)
  async mail({ albumId }: PayloadOf<typeof mailAlbumReady>, job: JobContext): Promise<void> {
    await sendMail(this.#files, this.#mailbox, albumId, job.id);
  }
}
