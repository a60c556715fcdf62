import { drawAlbums } from "./album.js";
import { timelineLink } from "./dashboard.js";
import { element } from "./element.js";
import { albums, jobs, mails, watch, world } from "./live.js";
import { refreshPhoto } from "./photo.js";
import { addBadPhoto, addSamples } from "./samples.js";
import { drawStage } from "./stage.js";
import { followTakeovers } from "./takeover.js";
import { drawTour } from "./tour.js";
import { filesOf, titleForNow, uploadAlbum } from "./upload.js";

const find = (selector) => document.querySelector(selector);

watch({
  onAlbums(ids) {
    drawAlbums(ids);
    drawSums();
    refreshPhoto();
  },
  onJobs: drawActivity,
  onMails: drawMails,
  onWorld(before) {
    drawWorker();
    drawStage();
    followTakeovers(before);
    drawTour();
  },
  // Another process, which may use another backend: the links would lead to jobs that it does not have.
  onSnapshot: () => find("#activity").replaceChildren(),
});
wireUpload();

function drawSums() {
  const counts = { waiting: 0, running: 0, done: 0 };
  const group = { retrying: "waiting", interrupted: "waiting" };
  for (const job of jobs.values()) counts[group[job.state] ?? job.state] += 1;
  // A photo with three dead jobs is one thing to look at.
  const dead = [...jobs.values()].filter((job) => job.state === "dead");
  counts.dead = new Set(dead.map((job) => `${job.albumId}/${job.photoId ?? job.type}`)).size;
  for (const box of find("#sums").children) {
    const count = counts[box.dataset.state];
    box.querySelector("dd").textContent = String(count);
    box.classList.toggle("some", count > 0);
  }
}

function drawWorker() {
  const up = world.workers.filter((worker) => worker.isUp);
  const by = world.stage?.by ?? "worker";
  const box = find("#worker");
  box.classList.toggle("up", up.length > 0 && world.isConnected);
  box.classList.toggle("down", up.length === 0 || !world.isConnected);
  find("#kill").disabled = up.length === 0;
  const pids = up.map((worker) => worker.pid).join(", ");
  const text = up.length > 0 ? `${by} ${pids} is running` : `no ${by} is running`;
  find("#worker-text").textContent = world.isConnected ? text : "the web process is starting";
}

const LINES = 14;
const WORDS = { "photo.resize": "resize", "album.finish": "contact sheet", "mail.album_ready": "mail" };

function drawActivity(changed) {
  const list = find("#activity");
  const shown = changed
    .filter((job) => job.state !== "waiting" && job.state !== "running")
    .sort((a, b) => a.changedAt - b.changedAt);
  for (const job of shown.slice(-LINES)) {
    const photo = albums.get(job.albumId)?.photos.find((each) => each.id === job.photoId);
    const what = photo ? `${photo.name.split("/").pop()}, ${job.size}` : (WORDS[job.type] ?? job.type);
    const how =
      job.state === "done" ? (job.durationMs === null ? "done" : `${Math.round(job.durationMs)} ms`) : job.state;
    list.prepend(
      element(
        "li",
        { "data-state": job.state, title: job.id },
        element("span", {}, timelineLink(job.id, what)),
        element("small", {}, how),
      ),
    );
  }
  while (list.children.length > LINES) list.lastChild.remove();
}

function drawMails() {
  const newest = [...mails.values()].sort((a, b) => b.sentAt - a.sentAt).slice(0, 8);
  find("#mails").replaceChildren(...newest.map(letter));
}

function letter(mail) {
  const at = new Date(mail.sentAt).toLocaleTimeString([], { hour: "2-digit", minute: "2-digit" });
  const how = mail.by === "smtp" ? "sent by SMTP" : element("a", { href: `/outbox/${mail.id}` }, "Save as .eml");
  const sheet = element("img", { src: `/albums/${mail.albumId}/contact-sheet`, alt: "contact sheet", loading: "lazy" });
  return element(
    "li",
    {},
    element(
      "details",
      {},
      element("summary", {}, mail.subject, element("small", {}, `to ${mail.to}, ${at}`)),
      element("pre", {}, mail.text.trim()),
      sheet,
      how,
    ),
  );
}

function wireUpload() {
  const drop = find("#drop");
  const choose = (input) => () => {
    input.value = "";
    input.click();
  };
  find("#choose-photos").addEventListener("click", choose(find("#photos")));
  find("#choose-folder").addEventListener("click", choose(find("#folder")));
  for (const input of [find("#photos"), find("#folder")]) {
    input.addEventListener("change", () =>
      chosen([...input.files].map((file) => ({ file, path: file.webkitRelativePath || file.name }))),
    );
  }
  find("#samples").addEventListener("click", addSamples);
  find("#bad").addEventListener("click", addBadPhoto);
  // The whole window accepts drops: a photo dropped beside the box must not replace the page.
  addEventListener("dragover", (event) => {
    event.preventDefault();
    drop.classList.add("over");
  });
  addEventListener("dragleave", (event) => event.relatedTarget === null && drop.classList.remove("over"));
  addEventListener("drop", async (event) => {
    event.preventDefault();
    drop.classList.remove("over");
    chosen(await filesOf(event.dataTransfer));
  });
}

/** Uploads the chosen files. A folder gives the album its name. */
function chosen(files) {
  if (files.length === 0) return;
  const folder = files[0].path.includes("/") ? files[0].path.split("/")[0] : null;
  uploadAlbum(files, folder ?? titleForNow());
}
