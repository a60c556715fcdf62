import type { Photo, Size } from "./album.ts";
import type { JobEvent } from "./job-event.ts";

/** A job that the backend has accepted. Written to disk before the page shows it as accepted. */
export interface Accepted {
  readonly kind: "accepted";
  /** Unix milliseconds, in this and every record. */
  readonly at: number;
  readonly id: string;
  readonly type: string;
  readonly albumId: string;
  readonly photoId?: string;
  readonly size?: Size;
}

/** One line of the web process's ledger. All lines together rebuild its state. */
export type WebRecord =
  | { readonly kind: "album"; readonly at: number; readonly albumId: string; readonly title: string }
  /** The photo's file is complete and on disk. Its jobs are enqueued next, after a crash by the next web process. */
  | { readonly kind: "photo"; readonly at: number; readonly albumId: string; readonly photo: Photo }
  | Accepted
  /** The upload has ended or broken off: no more photos are added. */
  | { readonly kind: "sealed"; readonly at: number; readonly albumId: string }
  | { readonly kind: "removed"; readonly at: number; readonly albumId: string; readonly photoId: string }
  | { readonly kind: "retried"; readonly at: number; readonly id: string }
  | { readonly kind: "event"; readonly at: number; readonly event: JobEvent }
  /** The end of a job without an event: its worker was killed after the settle and before it spooled the event. */
  | {
      readonly kind: "concluded";
      readonly at: number;
      readonly id: string;
      readonly state: "done" | "dead";
      readonly reason?: { readonly code: string; readonly message: string };
    };
