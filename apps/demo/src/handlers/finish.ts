import { readFile } from "node:fs/promises";
import sharp, { type OverlayOptions } from "sharp";
import { type Album, type DemoFiles, readAlbum } from "../album.ts";
import { writeDurably } from "../durable-file.ts";

const CELL = 160;
const GAP = 8;
const MOST = 48;

/** Makes the album's contact sheet and writes it to its final path. */
export async function makeContactSheet(files: DemoFiles, albumId: string, signal: AbortSignal): Promise<void> {
  const album = await readAlbum(files, albumId);
  if (album === null) throw new Error(`album ${albumId} has no album.json: set the same DEMO_DATA for every process`);
  const sheet = await contactSheet(files, album);
  signal.throwIfAborted();
  await writeDurably(files.temporary, files.contactSheet(albumId), sheet);
}

/** Returns one picture of the album's first photos, in the order of their upload. */
async function contactSheet(files: DemoFiles, album: Album): Promise<Buffer> {
  const shown = album.photos.slice(0, MOST);
  const columns = Math.min(8, Math.max(1, Math.ceil(Math.sqrt(shown.length * 1.5))));
  const rows = Math.ceil(shown.length / columns);
  const cells: OverlayOptions[] = [];
  for (const [at, photo] of shown.entries()) {
    const small = await readFile(files.resized(album.id, photo.id, "small"));
    const input = await sharp(small).resize({ width: CELL, height: CELL, fit: "cover" }).png().toBuffer();
    cells.push({ input, left: place(at % columns), top: place(Math.floor(at / columns)) });
  }
  const background = "#f6f4ef";
  return sharp({ create: { width: place(columns), height: place(rows), channels: 3, background } })
    .composite(cells)
    .jpeg({ quality: 82 })
    .toBuffer();
}

const place = (index: number): number => GAP + index * (CELL + GAP);
