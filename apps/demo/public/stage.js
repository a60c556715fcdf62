import { element, send } from "./element.js";
import { world } from "./live.js";

const find = (selector) => document.querySelector(selector);

/** Asks the launcher for a change: another URL, another process, a kill. */
export const ask = (wish) =>
  send("/stage", { method: "POST", headers: { "content-type": "application/json" }, body: JSON.stringify(wish) });

find("#kill").addEventListener("click", () => ask({ do: "kill" }));
find("#push").addEventListener("click", () =>
  ask({ do: "run", by: world.stage.by === "worker" ? "pusher" : "worker" }),
);
find("#server").addEventListener("click", () =>
  ask({ do: world.stage.server === "running" ? "stop-server" : "start-server" }),
);

/** Draws what can be changed while the demo runs. */
export function drawStage() {
  const { stage, isConnected } = world;
  find("#stage").hidden = !stage;
  find("#kill").hidden = !stage;
  if (!stage) return;
  const isBusy = stage.busy !== null || !isConnected;
  drawPlaces(stage, isBusy);
  const label = stage.places.find(({ name }) => name === stage.place)?.label ?? "";
  find("#url").textContent = stage.url ?? "";
  find("#kill-what").textContent = stage.by;
  find("#by").textContent = stage.by === "worker" ? "pulled by a worker" : "pushed over HTTP to the web process";
  change(find("#push"), stage.by === "worker" ? "Push instead" : "Pull instead", isBusy);
  change(find("#server"), `${stage.server === "stopped" ? "Start" : "Stop"} ${label}`, isBusy);
  find("#server").hidden = stage.server === null;
  find("#stage-note").textContent = noteOf(stage, label);
  find("#stage-note").classList.toggle("problem", stage.problem !== null);
}

function noteOf({ busy, problem, server }, label) {
  if (busy !== null) return `${busy}…`;
  if (server === "stopped")
    return `${label} is stopped. Photos that you add now wait on disk; start it again, and nothing is lost.`;
  return problem ?? "";
}

/** One button for each place. They are kept, so that the focus stays where it is. */
function drawPlaces(stage, isBusy) {
  const box = find("#places");
  for (const { name, label, state } of stage.places) {
    const button = box.querySelector(`[data-place=${name}]`) ?? box.appendChild(placeButton(name));
    change(button, label, isBusy);
    button.setAttribute("aria-pressed", String(name === stage.place));
    button.dataset.state = state;
    button.title = TITLES[state];
  }
}

const TITLES = {
  running: "There is a server",
  startable: "The demo starts a server of its own",
  missing: "No server is running here: press to see how to start one",
};

const placeButton = (place) =>
  element("button", { type: "button", "data-place": place, onclick: () => ask({ do: "move", place }) });

function change(button, text, isBusy) {
  if (button.textContent !== text) button.textContent = text;
  // Not `disabled`, which would drop the focus.
  button.setAttribute("aria-disabled", String(isBusy));
}
