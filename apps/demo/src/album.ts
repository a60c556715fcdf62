import { readdir, readFile } from "node:fs/promises";
import { join } from "node:path";

/** The three pictures made of each photo: the longest edge in pixels, never enlarged. */
export const edges = { small: 240, medium: 720, large: 1440 } as const;
export type Size = keyof typeof edges;
export const sizes = Object.keys(edges) as readonly Size[];

export interface Photo {
  /** Safe as a file name, unique within its album, the same for the same upload. */
  readonly id: string;
  /** As the person called it, folders included. Never a path on our disk. */
  readonly name: string;
}

/** What `album.json` says once an upload has ended: these photos and no others make the album. */
export interface Album {
  readonly id: string;
  readonly title: string;
  /** Unix milliseconds. */
  readonly sealedAt: number;
  readonly photos: readonly Photo[];
}

/** Where things are below the data folder. */
export interface DemoFiles {
  /** Unfinished files. Same file system as the rest, so that a rename is atomic. */
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
  /** Written last: a mail with a receipt was sent. */
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

/** Null while the upload still runs: nobody knows yet which photos the album will have. */
export async function readAlbum(files: DemoFiles, albumId: string): Promise<Album | null> {
  const text = await readFile(files.manifest(albumId), "utf8").catch(absent);
  return text === null ? null : (JSON.parse(text) as Album);
}

/** The names in the album's folder of results; none while there is no such folder. */
export async function resizedNames(files: DemoFiles, albumId: string): Promise<ReadonlySet<string>> {
  return new Set((await readdir(join(files.albums, albumId, "sizes")).catch(absent)) ?? []);
}

/** For `catch`: a missing file is null, every other error stays an error. */
export function absent(error: unknown): null {
  if (error instanceof Error && "code" in error && error.code === "ENOENT") return null;
  throw error;
}
