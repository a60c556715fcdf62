import { type Photo, sizes } from "../album.ts";
import type { JobEvent } from "../job-event.ts";
import { finishId, mailId, resizeId } from "../jobs.ts";
import type { Accepted, WebRecord } from "../records.ts";
import { afterEvent, untouched } from "./progress.ts";
import type { AlbumView, JobView } from "./views.ts";

/** The state of the web process, rebuilt line by line from its ledger. Uses no disk and no clock. */
export interface Board {
  apply(record: WebRecord): void;
  /** Returns false for an event that was applied before: a worker posts events again if it got no response. */
  isNew(event: JobEvent): boolean;
  /** Marks the jobs of a worker that is gone as interrupted. They run again once their leases end. */
  interrupt(pid: number): void;
  album(id: string): AlbumView | undefined;
  job(id: string): JobView | undefined;
  albums(): AlbumView[];
  jobs(): JobView[];
  jobsOf(albumId: string): JobView[];
  /** Photos on disk whose jobs the backend has not accepted yet. */
  unsubmitted(): { albumId: string; photo: Photo }[];
  /** Ids of the albums and jobs changed since the last call. */
  changes(): { albums: string[]; jobs: string[] };
}

export function createBoard(): Board {
  const albums = new Map<string, AlbumView>();
  const jobs = new Map<string, JobView>();
  const byAlbum = new Map<string, Set<string>>();
  /** The contact-sheet and mail jobs by id, known before they are enqueued. */
  const derived = new Map<string, { type: string; albumId: string }>();
  const lastSeq = new Map<string, number>();
  const open = new Map<string, { albumId: string; photo: Photo; ids: Set<string> }>();
  const changedAlbums = new Set<string>();
  const changedJobs = new Set<string>();

  function putAlbum(album: AlbumView): void {
    albums.set(album.id, album);
    changedAlbums.add(album.id);
  }

  function putJob(job: JobView): void {
    jobs.set(job.id, job);
    const ids = byAlbum.get(job.albumId) ?? new Set();
    byAlbum.set(job.albumId, ids.add(job.id));
    changedJobs.add(job.id);
  }

  function change(id: string, to: Partial<JobView>): void {
    const job = jobs.get(id);
    if (job) putJob({ ...job, ...to });
  }

  /** Adds a photo and its three jobs. The page shows the jobs before the backend has accepted them. */
  function addPhoto(albumId: string, photo: Photo, at: number): void {
    changePhotos(albumId, (photos) => [...photos, photo]);
    const ids = sizes.map((size) => {
      const id = resizeId(albumId, photo.id, size);
      putJob({ ...untouched, id, type: "photo.resize", albumId, photoId: photo.id, size, changedAt: at });
      return id;
    });
    open.set(`${albumId}/${photo.id}`, { albumId, photo, ids: new Set(ids) });
  }

  function accept(record: Accepted): void {
    const key = `${record.albumId}/${record.photoId}`;
    const waiting = open.get(key);
    waiting?.ids.delete(record.id);
    if (waiting?.ids.size === 0) open.delete(key);
  }

  function applyEvent(event: JobEvent): void {
    lastSeq.set(event.source, event.seq);
    const known = derived.get(event.id);
    if (known && !jobs.has(event.id)) {
      putJob({ ...untouched, id: event.id, ...known, photoId: null, size: null, changedAt: event.at });
    }
    const job = jobs.get(event.id);
    if (job && event.at >= job.changedAt) change(event.id, { ...afterEvent(job, event), changedAt: event.at });
  }

  function changePhotos(albumId: string, photos: (now: readonly Photo[]) => readonly Photo[]): void {
    const album = albums.get(albumId);
    if (album) putAlbum({ ...album, photos: photos(album.photos) });
  }

  function remove(albumId: string, photoId: string): void {
    changePhotos(albumId, (photos) => photos.filter((photo) => photo.id !== photoId));
    open.delete(`${albumId}/${photoId}`);
    for (const size of sizes) {
      const id = resizeId(albumId, photoId, size);
      jobs.delete(id);
      byAlbum.get(albumId)?.delete(id);
    }
  }

  function apply(record: WebRecord): void {
    switch (record.kind) {
      case "album":
        putAlbum({ id: record.albumId, title: record.title, createdAt: record.at, sealedAt: null, photos: [] });
        derived.set(finishId(record.albumId), { type: "album.finish", albumId: record.albumId });
        derived.set(mailId(record.albumId), { type: "mail.album_ready", albumId: record.albumId });
        return;
      case "photo":
        return addPhoto(record.albumId, record.photo, record.at);
      case "accepted":
        return accept(record);
      case "sealed": {
        const album = albums.get(record.albumId);
        if (album) putAlbum({ ...album, sealedAt: record.at });
        return;
      }
      case "removed":
        return remove(record.albumId, record.photoId);
      case "retried":
        return change(record.id, { state: "waiting", reason: null, dueAt: null, changedAt: record.at });
      case "event":
        return applyEvent(record.event);
      case "concluded":
        return change(record.id, { state: record.state, reason: record.reason ?? null, changedAt: record.at });
    }
  }

  return {
    apply,
    isNew: (event) => event.seq > (lastSeq.get(event.source) ?? 0),
    interrupt(pid) {
      for (const job of jobs.values()) {
        if (job.state === "running" && job.pid === pid) change(job.id, { state: "interrupted" });
      }
    },
    album: (id) => albums.get(id),
    job: (id) => jobs.get(id),
    albums: () => [...albums.values()],
    jobs: () => [...jobs.values()],
    jobsOf: (albumId) => [...(byAlbum.get(albumId) ?? [])].flatMap((id) => jobs.get(id) ?? []),
    unsubmitted: () => [...open.values()].map(({ albumId, photo }) => ({ albumId, photo })),
    changes() {
      const seen = { albums: [...changedAlbums], jobs: [...changedJobs] };
      changedAlbums.clear();
      changedJobs.clear();
      return seen;
    },
  };
}
