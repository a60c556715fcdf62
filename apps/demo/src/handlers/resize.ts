import { toError } from "@waybill/core";
import sharp from "sharp";
import { type DemoFiles, edges, type Size } from "../album.ts";
import { writeDurably } from "../durable-file.ts";

// No cache: a new photo may have the path of an earlier one. One thread for each job, because jobs run in parallel.
sharp.cache(false);
sharp.concurrency(1);

/** The file is not a readable photo. The job's definition lists this error as non-retryable. */
export class NotAPhoto extends Error {
  override readonly name = "NotAPhoto";
}

const READABLE: ReadonlySet<string> = new Set(["jpeg", "png", "webp"]);

/** Makes one size of a photo and writes it to its final path. */
export async function resizePhoto(
  files: DemoFiles,
  { albumId, photoId, name, size }: { albumId: string; photoId: string; name: string; size: Size },
  signal: AbortSignal,
): Promise<void> {
  const picture = await resize(files.original(albumId, photoId), name, size);
  signal.throwIfAborted();
  await writeDurably(files.temporary, files.resized(albumId, photoId, size), picture);
}

/** Returns the photo as WebP, upright, without its metadata. The same photo always gives the same bytes. */
async function resize(path: string, name: string, size: Size): Promise<Buffer> {
  try {
    const photo = sharp(path, { failOn: "warning" });
    const { format } = await photo.metadata();
    if (!READABLE.has(format)) throw new NotAPhoto(`"${name}" is ${format}; JPEG, PNG and WebP can be read`);
    const edge = edges[size];
    return await photo
      .autoOrient()
      .resize({ width: edge, height: edge, fit: "inside", withoutEnlargement: true })
      .webp({ quality: 80, effort: 3 })
      .toBuffer();
  } catch (thrown) {
    const error = toError(thrown);
    if (error instanceof NotAPhoto || error.message.includes("Input file is missing")) throw error;
    throw new NotAPhoto(`"${name}" cannot be read as a photo (${firstLine(error.message)})`, { cause: error });
  }
}

function firstLine(text: string): string {
  return text.split("\n")[0]?.trim() ?? text;
}
