import { timelineLink } from "./dashboard.js";
import { element, send } from "./element.js";
import { openPhoto } from "./photo.js";

/**
 * Returns the photo's node: the one in `drawn`, a map by photo id, unless the photo's jobs have changed.
 * A photo with a dead job is a row with the reason and buttons to retry, replace or remove it.
 */
export function tileOf(drawn, album, photo, jobs) {
  const key = jobs.map((job) => `${job.state}${job.attempt}${job.starts}`).join();
  const before = drawn.get(photo.id);
  if (before?.key === key) return before.node;
  const isDead = jobs.some((job) => job.state === "dead");
  const node = isDead ? failure(album, photo, jobs) : tile(album, photo, jobs, before?.node);
  if (before && before.node !== node) before.node.remove();
  drawn.set(photo.id, { key, node });
  return node;
}

function tile(album, photo, jobs, before) {
  const isTile = before?.classList.contains("tile") ?? false;
  const open = () => openPhoto(album.id, photo);
  const node = isTile ? before : element("button", { type: "button", class: "tile", title: photo.name, onclick: open });
  const isShown = jobs.some((job) => job.size === "small" && job.state === "done");
  if (isShown && !node.querySelector("img")) {
    node.prepend(
      element("img", { src: `/albums/${album.id}/photos/${photo.id}/small`, alt: photo.name, loading: "lazy" }),
    );
  }
  node.querySelector(".marks")?.remove();
  const marks = jobs.map((job) => element("i", { "data-state": job.state, title: `${job.size}: ${job.state}` }));
  node.append(element("span", { class: "marks" }, ...marks));
  node.classList.toggle("busy", !isShown && jobs.some((job) => job.state !== "waiting"));
  node.classList.toggle(
    "whole",
    jobs.every((job) => job.state === "done"),
  );
  return node;
}

function failure(album, photo, jobs) {
  const dead = jobs.filter((job) => job.state === "dead");
  const input = element("input", { type: "file", accept: ".jpg,.jpeg,.png,.webp", hidden: true });
  const path = `/albums/${album.id}/photos/${photo.id}`;
  input.addEventListener("change", () => {
    const body = new FormData();
    body.append("photos", input.files[0]);
    send(path, { method: "POST", body });
  });
  const retryAll = () => Promise.all(dead.map((job) => send(`/jobs/${job.id}/retry`)));
  const button = (text, onclick, kind) => element("button", { type: "button", class: kind, onclick }, text);
  const reason = dead[0].reason?.message?.replace(/^\w+: /, "") ?? "It failed for good.";
  const sizes = dead.length === 3 ? "" : ` (${dead.map((job) => job.size).join(", ")})`;
  return element(
    "div",
    { class: "failure", "data-photo": photo.id },
    element("div", {}, element("b", {}, photo.name + sizes), element("p", {}, reason)),
    element(
      "div",
      { class: "actions" },
      button("Retry", retryAll, "solid retry"),
      button("Replace…", () => input.click(), "replace"),
      button("Remove", () => send(path, { method: "DELETE" }), "quiet"),
      timelineLink(dead[0].id, "Timeline"),
    ),
    input,
  );
}
