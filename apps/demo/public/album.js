import { element, send } from "./element.js";
import { albums, jobsOf } from "./live.js";
import { tileOf } from "./tile.js";

const STATES = ["done", "running", "retrying", "interrupted", "dead"];
/** Tiles shown until "Show all" is clicked. */
const FEW = 48;

/** One card for each album, drawn once, then updated only where something has changed. */
const cards = new Map();
const dirty = new Set();
let isPlanned = false;

/** Draws the albums of these ids with the next frame, and removes those that are gone. */
export function drawAlbums(ids) {
  for (const id of ids) dirty.add(id);
  if (isPlanned) return;
  isPlanned = true;
  requestAnimationFrame(() => {
    isPlanned = false;
    for (const id of dirty) draw(id);
    dirty.clear();
    arrange();
  });
}

function arrange() {
  for (const [id, card] of cards) {
    if (albums.has(id)) continue;
    card.root.remove();
    cards.delete(id);
  }
  const wanted = [...albums.values()]
    .sort((a, b) => b.createdAt - a.createdAt)
    .map((album) => cards.get(album.id).root);
  const list = document.querySelector("#albums");
  document.body.classList.toggle("has-albums", wanted.length > 0);
  for (const [at, root] of wanted.entries()) {
    if (list.children[at] !== root) list.insertBefore(root, list.children[at] ?? null);
  }
}

function draw(id) {
  const album = albums.get(id);
  if (!album) return;
  if (!cards.has(id)) cards.set(id, createCard(id));
  const card = cards.get(id);
  const jobs = jobsOf(id);
  card.title.textContent = album.title;
  drawProgress(card, album, jobs);
  drawSteps(card, album, jobs);
  drawTiles(card, album, jobs);
}

function createCard(id) {
  const card = {
    title: element("h2"),
    tally: element("span", { class: "tally" }),
    bars: new Map(STATES.map((state) => [state, element("i", { "data-state": state })])),
    steps: element("ol", { class: "steps" }),
    tiles: element("div", { class: "tiles" }),
    more: element("button", { type: "button", class: "quiet more", hidden: true }),
    drawn: new Map(),
    isOpen: false,
  };
  card.more.addEventListener("click", () => {
    card.isOpen = !card.isOpen;
    drawAlbums([id]);
  });
  const progress = element(
    "div",
    { class: "progress", role: "progressbar", "aria-label": "progress" },
    ...card.bars.values(),
  );
  card.progress = progress;
  const header = element("header", {}, card.title, card.tally);
  card.root = element(
    "article",
    { class: "album", "data-album": id },
    header,
    progress,
    card.steps,
    card.tiles,
    card.more,
  );
  return card;
}

function drawProgress(card, album, jobs) {
  // Counts the contact-sheet and mail jobs before they are enqueued.
  const total = Math.max(jobs.length, album.photos.length * 3 + 2);
  const counts = new Map();
  for (const job of jobs) counts.set(job.state, (counts.get(job.state) ?? 0) + 1);
  for (const [state, bar] of card.bars) bar.style.width = `${((counts.get(state) ?? 0) / total) * 100}%`;
  const done = counts.get("done") ?? 0;
  card.progress.setAttribute("aria-valuenow", String(Math.round((done / total) * 100)));
  const photos = album.photos.length === 1 ? "1 photo" : `${album.photos.length} photos`;
  const rest = album.sealedAt === null ? ", still arriving" : done === total ? "" : `, ${done} of ${total} jobs done`;
  card.tally.textContent = photos + rest;
}

/** Draws the state of each of the album's three job types. */
function drawSteps(card, album, jobs) {
  const resizes = jobs.filter((job) => job.type === "photo.resize");
  const finish = jobs.find((job) => job.type === "album.finish");
  const mail = jobs.find((job) => job.type === "mail.album_ready");
  const sheet = `/albums/${album.id}/contact-sheet`;
  const label =
    finish?.state === "done" ? element("a", { href: sheet, target: "_blank" }, "Contact sheet") : "Contact sheet";
  const steps = [
    element("li", { "data-state": worst(resizes) }, "Three sizes"),
    element("li", { "data-state": finish?.state ?? "waiting" }, label, retryOf(finish)),
    element("li", { "data-state": mail?.state ?? "waiting" }, "Mail", retryOf(mail)),
  ];
  const key = steps.map((step) => step.dataset.state).join();
  if (card.stepsKey === key) return;
  card.stepsKey = key;
  card.steps.replaceChildren(...steps);
}

function retryOf(job) {
  if (job?.state !== "dead") return null;
  return element(
    "button",
    { type: "button", onclick: () => send(`/jobs/${job.id}/retry`), title: job.reason?.message },
    "Retry",
  );
}

function worst(jobs) {
  const states = new Set(jobs.map((job) => job.state));
  return (
    ["dead", "retrying", "interrupted", "running", "waiting", "done"].find((state) => states.has(state)) ?? "waiting"
  );
}

function drawTiles(card, album, jobs) {
  const byPhoto = new Map(album.photos.map((photo) => [photo.id, []]));
  for (const job of jobs) byPhoto.get(job.photoId)?.push(job);
  const failed = album.photos.filter((photo) => byPhoto.get(photo.id).some((job) => job.state === "dead"));
  const good = album.photos.filter((photo) => !failed.includes(photo));
  const shown = [...failed, ...(card.isOpen ? good : good.slice(0, FEW))];
  const nodes = shown.map((photo) => tileOf(card.drawn, album, photo, byPhoto.get(photo.id)));
  for (const [at, node] of nodes.entries()) {
    if (card.tiles.children[at] !== node) card.tiles.insertBefore(node, card.tiles.children[at] ?? null);
  }
  while (card.tiles.children.length > nodes.length) card.tiles.lastChild.remove();
  card.more.hidden = good.length <= FEW;
  card.more.textContent = card.isOpen ? "Show fewer" : `Show all ${album.photos.length}`;
}
