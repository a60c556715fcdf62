// The page's copy of the server's state, kept up to date by server-sent events.

/** @type {Map<string, any>} */
export const albums = new Map();
/** @type {Map<string, any>} */
export const jobs = new Map();
/** @type {Map<string, any>} */
export const mails = new Map();
/** `stage`: what can be changed; null when the launcher did not start this process. See src/stage.ts.
 * @type {{ workers: any[], stage: any, isConnected: boolean }} */
export const world = { workers: [], stage: null, isConnected: false };
/** Job ids by album, so that one album can be drawn without looking at all the others. */
const idsByAlbum = new Map();

export function jobsOf(albumId) {
  return [...(idsByAlbum.get(albumId) ?? [])].map((id) => jobs.get(id));
}

/**
 * Keeps the copy up to date for as long as the page is open.
 * @param {{ onAlbums(ids: Set<string>): void, onJobs(changed: any[]): void, onMails(): void, onWorld(before: any[]): void, onSnapshot(): void }} listener
 */
export function watch(listener) {
  const source = new EventSource("/events");
  source.addEventListener("snapshot", (event) => {
    for (const map of [albums, jobs, mails, idsByAlbum]) map.clear();
    world.isConnected = true;
    listener.onSnapshot();
    take(JSON.parse(event.data), { ...listener, onJobs: () => {} });
  });
  source.addEventListener("update", (event) => take(JSON.parse(event.data), listener));
  source.addEventListener("error", () => {
    world.isConnected = false;
    listener.onWorld(world.workers);
  });
}

function take(update, { onAlbums, onJobs, onMails, onWorld }) {
  const touched = new Set();
  for (const album of update.albums ?? []) {
    forgetRemoved(album);
    albums.set(album.id, album);
    touched.add(album.id);
  }
  for (const job of update.jobs ?? []) {
    jobs.set(job.id, job);
    idsByAlbum.set(job.albumId, (idsByAlbum.get(job.albumId) ?? new Set()).add(job.id));
    touched.add(job.albumId);
  }
  for (const mail of update.mails ?? []) mails.set(mail.id, mail);
  const before = world.workers;
  if (update.workers) world.workers = update.workers;
  if (update.stage) world.stage = update.stage;
  onAlbums(touched);
  onJobs(update.jobs ?? []);
  onMails();
  onWorld(before);
}

/** Removes the jobs of photos that are no longer part of the album. */
function forgetRemoved(album) {
  const photos = new Set(album.photos.map((photo) => photo.id));
  for (const job of jobsOf(album.id)) {
    if (job.photoId === null || photos.has(job.photoId)) continue;
    jobs.delete(job.id);
    idsByAlbum.get(album.id).delete(job.id);
  }
}
