import { createHash, randomUUID } from "node:crypto";
import { createWriteStream } from "node:fs";
import { mkdir, open, rm } from "node:fs/promises";
import type { IncomingMessage } from "node:http";
import type { Readable } from "node:stream";
import { pipeline } from "node:stream/promises";
import busboy from "busboy";
import { toError } from "@waybill/core";
import type { DemoFiles, Photo } from "../album.ts";
import { moveDurably, temporaryPath } from "../durable-file.ts";

/** Per photo. */
const MOST_BYTES = 64 * 1024 * 1024;
const MOST_PHOTOS = 10_000;
const NAMES = /\.(jpe?g|png|webp)$/i;

/** A file of the upload that was not accepted, and the reason that the page shows. */
export interface Refusal {
  readonly name: string;
  readonly reason: string;
}

/**
 * Reads a multipart upload photo by photo. Each is complete and on disk before `onPhoto` is called with it. Ids in
 * `taken` are not used again. Rejects when the upload breaks off; photos already passed to `onPhoto` remain.
 */
export async function receivePhotos(
  request: IncomingMessage,
  upload: { files: DemoFiles; albumId: string; taken: Set<string>; onPhoto: (photo: Photo) => Promise<void> },
): Promise<Refusal[]> {
  const { files, albumId, taken, onPhoto } = upload;
  const refused: Refusal[] = [];
  const working: Promise<void>[] = [];
  const form = busboy({
    headers: request.headers,
    preservePath: true,
    defParamCharset: "utf8",
    limits: { fileSize: MOST_BYTES, files: MOST_PHOTOS, fields: 10 },
  });
  await mkdir(files.temporary, { recursive: true });

  async function take(name: string, content: Readable): Promise<void> {
    if (!NAMES.test(name)) {
      content.resume();
      refused.push({ name, reason: "is not named .jpg, .jpeg, .png or .webp" });
      return;
    }
    const part = temporaryPath(files.temporary);
    try {
      await store(content, part);
      if ("truncated" in content && content.truncated === true) {
        refused.push({ name, reason: `is larger than ${MOST_BYTES / 1_048_576} MB` });
        return;
      }
      const photo = { id: freshId(name, taken), name };
      await moveDurably(part, files.original(albumId, photo.id));
      await onPhoto(photo);
    } finally {
      await rm(part, { force: true });
    }
  }

  form.on("file", (_field, content, { filename }) => {
    const taking = take(cleanName(filename), content);
    // The request fails with the first error; the others are awaited below, so they are not reported as unhandled.
    taking.catch((error: unknown) => form.destroy(toError(error)));
    working.push(taking);
  });
  try {
    await pipeline(request, form);
  } finally {
    await Promise.allSettled(working);
  }
  await Promise.all(working);
  return refused;
}

async function store(content: Readable, part: string): Promise<void> {
  await pipeline(content, createWriteStream(part, { flags: "wx" }));
  const file = await open(part, "r+");
  try {
    await file.sync();
  } finally {
    await file.close();
  }
}

/** Returns the name to show: forward slashes, no empty, "." or ".." parts, the last 200 characters. */
function cleanName(filename: string | undefined): string {
  const parts = (filename ?? "").split(/[/\\]/).filter((part) => part !== "" && part !== "." && part !== "..");
  return parts.join("/").slice(-200);
}

/** Makes "img-12-3fa81c20" of "Trip/IMG 12.JPG": readable, safe as a file name, and the same in every run. */
function freshId(name: string, taken: Set<string>): string {
  const words = name.replace(/^.*\//, "").replace(/\.[^.]*$/, "");
  const slug =
    words
      .toLowerCase()
      .replace(/[^a-z0-9]+/g, "-")
      .replace(/^-+|-+$/g, "")
      .slice(0, 48) || "photo";
  const base = `${slug.replace(/-+$/, "")}-${createHash("sha256").update(name).digest("hex").slice(0, 8)}`;
  const id = taken.has(base) ? `${base}-${randomUUID().slice(0, 8)}` : base;
  taken.add(id);
  return id;
}
