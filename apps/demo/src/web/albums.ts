import { randomUUID } from "node:crypto";
import type { IncomingMessage } from "node:http";
import type { Jobs } from "@waybill/core";
import { errorMessage } from "@waybill/core";
import { type Album, type DemoFiles, type Photo, type Size, sizes } from "../album.ts";
import { writeDurably } from "../durable-file.ts";
import { finishWhenDone } from "../finish-when-done.ts";
import { finishId, photoResize, resizeId } from "../jobs.ts";
import type { WebRecord } from "../records.ts";
import type { Board } from "./board.ts";
import { receivePhotos, type Refusal } from "./upload.ts";

export interface AlbumDeps {
  readonly jobs: Jobs;
  readonly files: DemoFiles;
  readonly board: Board;
  /** Writes the records durably to the ledger, then applies them to the board. */
  readonly record: (records: readonly WebRecord[]) => Promise<void>;
}

/** The producer of the demo: stores uploads and enqueues their jobs. */
export interface Albums {
  /** `albumId` is null when the upload contained no photo. */
  receive(request: IncomingMessage, title: string): Promise<{ albumId: string | null; refused: Refusal[] }>;
  /** Replaces a photo that could not be read with a new file. */
  replace(request: IncomingMessage, albumId: string, photoId: string): Promise<Refusal[]>;
  remove(albumId: string, photoId: string): Promise<void>;
  /** Enqueues what an earlier process or an unavailable backend left undone. Safe to call at any time. */
  catchUp(): Promise<void>;
}

export function createAlbums({ jobs, files, board, record }: AlbumDeps): Albums {
  /** Albums whose upload still runs in this process: `catchUp` does not seal them. */
  const uploading = new Set<string>();

  /** Enqueues a photo's three jobs. Their ids are derived from the photo, so a second call stores no other jobs. */
  async function submit(albumId: string, photo: Photo): Promise<void> {
    const wanted = sizes.map((size) => ({ size, id: resizeId(albumId, photo.id, size) }));
    const results = await jobs.enqueueMany(
      wanted.map(({ size, id }) => {
        const payload = { albumId, photoId: photo.id, name: photo.name, size };
        return { job: photoResize, payload, options: { id } };
      }),
    );
    const accepted: WebRecord[] = [];
    for (const [at, { size, id }] of wanted.entries()) {
      if (results[at]?.ok) accepted.push(acceptedResize(albumId, photo, size, id));
    }
    await record(accepted);
    const failure = results.find((result) => !result.ok);
    if (failure && !failure.ok) throw failure.error;
  }

  /** Records the photo and enqueues its jobs. If that fails now, `catchUp` tries again. */
  async function add(albumId: string, photo: Photo): Promise<void> {
    await record([{ kind: "photo", at: Date.now(), albumId, photo }]);
    await submit(albumId, photo).catch((error: unknown) =>
      warn(`the jobs of "${photo.name}" are not enqueued yet`, error),
    );
  }

  /** Writes the album's list of photos for the worker. From then on, the last size enqueues `album.finish`. */
  async function seal(albumId: string): Promise<void> {
    const album = board.album(albumId);
    if (!album) return;
    const sealedAt = album.sealedAt ?? Date.now();
    const manifest: Album = { id: albumId, title: album.title, sealedAt, photos: album.photos };
    await writeDurably(files.temporary, files.manifest(albumId), JSON.stringify(manifest));
    if (album.sealedAt === null) await record([{ kind: "sealed", at: sealedAt, albumId }]);
    await finishWhenDone(jobs, files, albumId);
  }

  return {
    async receive(request, title) {
      const albumId = randomUUID();
      uploading.add(albumId);
      // The first photo creates the album; an upload without photos creates none.
      const onPhoto = async (photo: Photo): Promise<void> => {
        if (!board.album(albumId)) await record([{ kind: "album", at: Date.now(), albumId, title }]);
        await add(albumId, photo);
      };
      try {
        const refused = await receivePhotos(request, { files, albumId, taken: new Set(), onPhoto });
        return { albumId: board.album(albumId) ? albumId : null, refused };
      } finally {
        // If the upload breaks off, the album consists of the photos that arrived.
        await seal(albumId).finally(() => uploading.delete(albumId));
      }
    },

    async replace(request, albumId, photoId) {
      const taken = new Set(board.album(albumId)?.photos.map((photo) => photo.id));
      const onPhoto = async (photo: Photo): Promise<void> => {
        const at = Date.now();
        await record([
          { kind: "removed", at, albumId, photoId },
          { kind: "photo", at, albumId, photo },
        ]);
        await seal(albumId);
        await submit(albumId, photo);
        await forget(albumId, photoId);
      };
      return receivePhotos(request, { files, albumId, taken, onPhoto });
    },

    async remove(albumId, photoId) {
      await record([{ kind: "removed", at: Date.now(), albumId, photoId }]);
      await forget(albumId, photoId);
      await seal(albumId);
    },

    async catchUp() {
      for (const { albumId, photo } of board.unsubmitted()) await submit(albumId, photo);
      for (const album of board.albums()) {
        if (uploading.has(album.id)) continue;
        if (album.sealedAt === null) await seal(album.id);
        else if (!board.job(finishId(album.id))) await finishWhenDone(jobs, files, album.id);
      }
    },
  };

  /** Drops the dead letters of a removed photo. Without an inspector they remain. */
  async function forget(albumId: string, photoId: string): Promise<void> {
    await jobs.inspector?.drop({ ids: sizes.map((size) => resizeId(albumId, photoId, size)) });
  }
}

function acceptedResize(albumId: string, photo: Photo, size: Size, id: string): WebRecord {
  return { kind: "accepted", at: Date.now(), id, type: "photo.resize", albumId, photoId: photo.id, size };
}

function warn(what: string, error: unknown): void {
  console.error(`${what}: ${errorMessage(error)}`);
}
