import { defineJob, derivedId, type JobDefinition } from "@waybill/core";
import { z } from "zod";
import { type Size, sizes } from "./album.ts";

// What all processes share: names, payloads and rules. Handlers are in handlers/, which web loads only to run what is
// pushed to it.

const albumId = z.uuid();
// Payloads name files below the data folder; a foreign producer must not be able to name any other.
const photoId = z.string().regex(/^[a-z0-9][a-z0-9-]{0,95}$/);

/** Makes one of a photo's three sizes. Any number of runs leaves the same file. */
export const photoResize = defineJob({
  type: "photo.resize",
  queue: "media",
  payload: z.object({ albumId, photoId, name: z.string(), size: z.enum(sizes as readonly [Size, ...Size[]]) }),
  retry: { maxAttempts: 5, initial: "1s", max: "30s", nonRetryable: ["NotAPhoto"] },
  timeout: "2m",
});

/** Makes the album's contact sheet and asks for the mail. Enqueued by whoever sees the last size appear. */
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

/** What a handler of this job is given. */
export type PayloadOf<Definition> = Definition extends JobDefinition<infer _, infer Output> ? Output : never;

/** Lets `connect` judge every definition at start, in web and worker alike. */
export const definitions = [photoResize, albumFinish, mailAlbumReady];

export const resizeId = (album: string, photo: string, size: Size): string =>
  derivedId(["photo.resize", album, photo, size]);
export const finishId = (album: string): string => derivedId(["album.finish", album]);
export const mailId = (album: string): string => derivedId(["mail.album_ready", album]);
