import { timelineLink } from "./dashboard.js";
import { element } from "./element.js";
import { jobs } from "./live.js";

let shown = null;

/** Opens a photo, large, with the state of each of its jobs. */
export function openPhoto(albumId, photo) {
  shown = { albumId, photo };
  draw();
  document.querySelector("#photo").showModal();
}

/** Draws an open photo again when jobs have changed. */
export function refreshPhoto() {
  if (shown && document.querySelector("#photo").open) draw();
}

function draw() {
  const dialog = document.querySelector("#photo");
  const own = [...jobs.values()].filter((job) => job.albumId === shown.albumId && job.photoId === shown.photo.id);
  const best = ["large", "medium", "small"].find((size) =>
    own.some((job) => job.size === size && job.state === "done"),
  );
  const path = `/albums/${shown.albumId}/photos/${shown.photo.id}/${best}`;
  const close = element("button", { type: "button", class: "quiet", onclick: () => dialog.close() }, "Close");
  const header = element("header", {}, element("h3", {}, shown.photo.name), close);
  const about = element("div", { class: "about" }, header, element("div", { class: "scroll" }, table(own)));
  dialog.replaceChildren(...(best ? [element("img", { src: path, alt: shown.photo.name })] : []), about);
}

function table(own) {
  const row = (cell, ...texts) => element("tr", {}, ...texts.map((text) => element(cell, {}, text)));
  const rows = own.map((job) =>
    row(
      "td",
      job.size,
      element("span", { class: "state", "data-state": job.state }, stateOf(job)),
      job.starts === 0 ? "" : String(job.starts),
      job.durationMs === null ? "" : `${Math.round(job.durationMs)} ms`,
      job.pid === null ? "" : String(job.pid),
      element("small", {}, timelineLink(job.id, job.id)),
    ),
  );
  const head = element("thead", {}, row("th", "size", "state", "starts", "took", "worker pid", "job"));
  return element("table", {}, head, element("tbody", {}, ...rows));
}

function stateOf(job) {
  if (job.state !== "retrying") return job.state;
  return `again in ${Math.max(0, Math.round((job.dueAt - Date.now()) / 1_000))} s`;
}

document.querySelector("#photo").addEventListener("click", (event) => {
  if (event.target === event.currentTarget) event.currentTarget.close();
});
