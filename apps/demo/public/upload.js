import { note as say } from "./element.js";

const PHOTO = /\.(jpe?g|png|webp)$/i;
const title = document.querySelector("#drop-title");
const note = document.querySelector("#drop-note");
const meter = document.querySelector("#upload-meter");
const RESTING = { title: title.textContent, note: note.textContent };

/** Uploads the files as one album, in one request. `named` is the album's title. Resolves when the upload has ended. */
export function uploadAlbum(files, named) {
  const photos = files.filter(({ path }) => PHOTO.test(path));
  if (photos.length === 0) return say("There is no JPEG, PNG or WebP among these files.");
  const form = new FormData();
  for (const { file, path } of photos) form.append("photos", file, path);
  const request = new XMLHttpRequest();
  request.open("POST", `/albums?title=${encodeURIComponent(named)}`);
  request.upload.addEventListener("progress", ({ loaded, total }) => show(photos.length, loaded, total));
  request.addEventListener("load", () => ended(request));
  request.addEventListener("error", () => {
    rest();
    say("The upload broke off. The photos that arrived are kept as an album.");
  });
  show(photos.length, 0, 1);
  request.send(form);
  return new Promise((resolve) => request.addEventListener("loadend", resolve));
}

/** Returns a default title for an album. */
export function titleForNow() {
  return `Photos of ${new Date().toLocaleTimeString([], { hour: "2-digit", minute: "2-digit" })}`;
}

function show(count, loaded, total) {
  title.textContent = `Uploading ${count === 1 ? "1 photo" : `${count} photos`}`;
  note.textContent = total > 1 ? `${megabytes(loaded)} of ${megabytes(total)} MB` : "One moment.";
  meter.hidden = false;
  meter.firstElementChild.style.width = `${(loaded / total) * 100}%`;
}

function ended(request) {
  rest();
  const body = parse(request.responseText);
  if (request.status !== 201) say(body?.error ?? `The upload was refused (${request.status}).`);
  for (const { name, reason } of body?.refused?.slice(0, 3) ?? []) say(`${name} ${reason}.`);
}

function rest() {
  title.textContent = RESTING.title;
  note.textContent = RESTING.note;
  meter.hidden = true;
}

function parse(text) {
  try {
    return JSON.parse(text);
  } catch {
    return null;
  }
}

const megabytes = (bytes) => (bytes / 1_048_576).toFixed(1);

/** Returns all files of a drop, those in dropped folders included. */
export async function filesOf(transfer) {
  const entries = [...transfer.items].map((item) => item.webkitGetAsEntry?.()).filter(Boolean);
  if (entries.length === 0) return [...transfer.files].map((file) => ({ file, path: file.name }));
  return (await Promise.all(entries.map((entry) => walk(entry, "")))).flat();
}

async function walk(entry, above) {
  const path = above + entry.name;
  if (entry.isFile) return [{ file: await new Promise((resolve, reject) => entry.file(resolve, reject)), path }];
  const reader = entry.createReader();
  const found = [];
  for (;;) {
    // A reader returns at most a hundred entries at a time.
    const some = await new Promise((resolve, reject) => reader.readEntries(resolve, reject));
    if (some.length === 0) break;
    found.push(...some);
  }
  return (await Promise.all(found.map((each) => walk(each, `${path}/`)))).flat();
}
