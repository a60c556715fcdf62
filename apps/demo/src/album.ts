import { readdir, readFile } from "node:fs/promises";
import { join } from "node:path";

/** The three sizes made of each photo: the longest edge in pixels. A smaller photo is not enlarged. */
export const edges = { small: 240, medium: 720, large: 1440 } as const;
export type Size = keyof typeof edges;
export const sizes = Object.keys(edges) as readonly Size[];

export interface Photo {
  /** Safe as a file name, unique within its album, the same for the same upload. */
  readonly id: string;
  /** The name of the uploaded file, folders included. Not a path on this machine. */
  readonly name: string;
}

/** The content of `album.json`, written once the upload has ended: the photos of the album. */
export interface Album {
  readonly id: string;
  readonly title: string;
  /** Unix milliseconds. */
  readonly sealedAt: number;
  readonly photos: readonly Photo[];
}

/** Paths below the data folder. */
export interface DemoFiles {
  /** Unfinished files. On the same file system as the rest, so that a rename is atomic. */
  readonly temporary: string;
  readonly spool: string;
  readonly log: string;
  readonly outbox: string;
  readonly albums: string;
  ledger(role: "web" | "worker"): string;
  manifest(albumId: string): string;
  original(albumId: string, photoId: string): string;
  resized(albumId: string, photoId: string, size: Size): string;
  contactSheet(albumId: string): string;
  /** Written after the mail was sent. */
  receipt(mailId: string): string;
  letter(mailId: string): string;
}

export function demoFiles(folder: string): DemoFiles {
  const albums = join(folder, "albums");
  const outbox = join(folder, "outbox");
  return {
    temporary: join(folder, "tmp"),
    spool: join(folder, "spool"),
    log: join(folder, "log"),
    outbox,
    albums,
    ledger: (role) => join(folder, "ledger", `${role}.ndjson`),
    manifest: (albumId) => join(albums, albumId, "album.json"),
    original: (albumId, photoId) => join(albums, albumId, "originals", photoId),
    resized: (albumId, photoId, size) => join(albums, albumId, "sizes", `${photoId}-${size}.webp`),
    contactSheet: (albumId) => join(albums, albumId, "contact-sheet.jpg"),
    receipt: (mailId) => join(outbox, `${mailId}.json`),
    letter: (mailId) => join(outbox, `${mailId}.eml`),
  };
}

/** Returns null while the upload still runs: until it ends, the list of photos is not final. */
export async function readAlbum(files: DemoFiles, albumId: string): Promise<Album | null> {
  const text = await readFile(files.manifest(albumId), "utf8").catch(absent);
  return text === null ? null : (JSON.parse(text) as Album);
}

/** Returns the file names in the album's `sizes` folder; empty if there is no such folder. */
export async function resizedNames(files: DemoFiles, albumId: string): Promise<ReadonlySet<string>> {
  return new Set((await readdir(join(files.albums, albumId, "sizes")).catch(absent)) ?? []);
}

/** For `catch`: returns null if the file is missing, and throws every other error again. */
export function absent(error: unknown): null {
  if (error instanceof Error && "code" in error && error.code === "ENOENT") return null;
  throw error;
}
