import type { Photo, Size } from "./album.ts";
import type { JobEvent } from "./job-event.ts";

/** A job some backend has taken: written, and on disk, before anybody is told. */
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

/** One line of the web process's ledger: together they rebuild all it knows. */
export type WebRecord =
  | { readonly kind: "album"; readonly at: number; readonly albumId: string; readonly title: string }
  /** The photo's file is whole and on disk. Its jobs follow, by this process or, after a crash, by the next. */
  | { readonly kind: "photo"; readonly at: number; readonly albumId: string; readonly photo: Photo }
  | Accepted
  /** The upload has ended, by its end or by a break: no more photos will come. */
  | { readonly kind: "sealed"; readonly at: number; readonly albumId: string }
  | { readonly kind: "removed"; readonly at: number; readonly albumId: string; readonly photoId: string }
  | { readonly kind: "retried"; readonly at: number; readonly id: string }
  | { readonly kind: "event"; readonly at: number; readonly event: JobEvent }
  /** Known otherwise than by an event: a worker was killed after the settle and before it could say so. */
  | {
      readonly kind: "concluded";
      readonly at: number;
      readonly id: string;
      readonly state: "done" | "dead";
      readonly reason?: { readonly code: string; readonly message: string };
    };
