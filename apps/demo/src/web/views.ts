import type { Photo, Size } from "../album.ts";

export type JobState = "waiting" | "running" | "retrying" | "interrupted" | "done" | "dead";

/** One job as the page shows it. */
export interface JobView {
  readonly id: string;
  readonly type: string;
  readonly albumId: string;
  readonly photoId: string | null;
  readonly size: Size | null;
  readonly state: JobState;
  /** 0 until it has started once. */
  readonly attempt: number;
  /** How often the job has started, whatever the outcome. */
  readonly starts: number;
  readonly pid: number | null;
  readonly durationMs: number | null;
  /** Unix milliseconds of the next attempt; null unless retrying. */
  readonly dueAt: number | null;
  readonly reason: { readonly code: string; readonly message: string } | null;
  /** Unix milliseconds. */
  readonly changedAt: number;
}

export interface AlbumView {
  readonly id: string;
  readonly title: string;
  readonly createdAt: number;
  /** Null while the upload runs. */
  readonly sealedAt: number | null;
  readonly photos: readonly Photo[];
}
