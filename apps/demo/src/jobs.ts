import { defineJob, derivedId, type JobDefinition } from "@waybill/core";
import { z } from "zod";
import { type Size, sizes } from "./album.ts";

// The job definitions, shared by web and worker. Handlers are in handlers/, which the web process loads only to run
// pushed jobs.

const albumId = z.uuid();
// Payloads name files below the data folder. The pattern keeps a foreign producer from naming any other file.
const photoId = z.string().regex(/^[a-z0-9][a-z0-9-]{0,95}$/);

/** Makes one of a photo's three sizes. Idempotent: each run writes the same file. */
export const photoResize = defineJob({
  type: "photo.resize",
  queue: "media",
  payload: z.object({ albumId, photoId, name: z.string(), size: z.enum(sizes as readonly [Size, ...Size[]]) }),
  retry: { maxAttempts: 5, initial: "1s", max: "30s", nonRetryable: ["NotAPhoto"] },
  timeout: "2m",
});

/** Makes the album's contact sheet and enqueues the mail. Enqueued by the process that finds all sizes on disk. */
export const albumFinish = defineJob({
  type: "album.finish",
  queue: "media",
  payload: z.object({ albumId }),
  retry: { maxAttempts: 5, initial: "1s", max: "30s" },
  timeout: "2m",
});

export const mailAlbumReady = defineJob({
  type: "mail.album_ready",
  queue: "mailers",
  payload: z.object({ albumId }),
  retry: { maxAttempts: 8, initial: "2s", max: "5m" },
  timeout: "1m",
});

/** The payload that a handler of this job gets. */
export type PayloadOf<Definition> = Definition extends JobDefinition<infer _, infer Output> ? Output : never;

/** Passed to `connect`, which checks every definition at start, in web and worker. */
export const definitions = [photoResize, albumFinish, mailAlbumReady];

export const resizeId = (album: string, photo: string, size: Size): string =>
  derivedId(["photo.resize", album, photo, size]);
export const finishId = (album: string): string => derivedId(["album.finish", album]);
export const mailId = (album: string): string => derivedId(["mail.album_ready", album]);
