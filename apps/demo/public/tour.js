import { jobs, mails, world } from "./live.js";
import { addBadPhoto, addSamples } from "./samples.js";
import { ask } from "./stage.js";
import { takeovers } from "./takeover.js";

const KEY = "waybill-demo-tour";
const find = (selector) => document.querySelector(selector);
const isAnyJob = (state) => [...jobs.values()].some((job) => job.state === state);

/** What has happened since the page was opened, for what cannot be read from the present state. */
const seen = { bad: false, dashboard: false, place: null };

const STEPS = [
  {
    title: "Add photos",
    text: "The web process stores them and enqueues three jobs for each. A worker, in another process, makes the pictures, then a contact sheet, then sends a mail.",
    action: ["Use sample photos", addSamples],
    isDone: () => mails.size > 0,
    done: "The album is done, and its mail is in the outbox.",
  },
  {
    title: "Kill the worker",
    text: "By SIGKILL, in the middle of its jobs. Another worker starts. Jobs that were cut short run again once their leases of 5 seconds end.",
    action: ["Add photos, then kill it", killInTheMiddle],
    isDone: () => takeovers.deaths > 0 && takeovers.isOver,
    done: "What the dead worker left behind has run again. Nothing is lost, and no attempt was spent.",
  },
  {
    title: "One bad photo",
    text: "It cannot be read, so trying again is of no use: its jobs become dead letters, and the photo asks for you. Remove it, and its album is finished.",
    action: ["Add one bad photo", addBadPhoto],
    isDone: () => seen.bad && !isAnyJob("dead"),
    done: "The album was finished without it.",
  },
  {
    title: "Look into a job",
    text: "The dashboard is mounted in the same web process. It has the queues, the workers, and the timeline of each job. Photos and the list “Just now” link to it.",
    action: ["Open the dashboard", () => find("#dashboard").click()],
    isDone: () => seen.dashboard,
    done: "Each job on this page leads to its timeline.",
  },
  {
    title: "Switch the backend",
    text: "Choose another place under “Jobs wait in”. Both processes start again with another URL, and with the same code. Each place has albums of its own.",
    action: null,
    isDone: () => seen.place !== null && world.stage?.place !== seen.place && world.isConnected,
    done: "Only WAYBILL_URL has changed.",
  },
  {
    title: "Push instead",
    text: "A pusher takes the worker's place. It POSTs each job, signed, to the web process, which runs it by the same handlers.",
    action: ["Push instead", () => ask({ do: "run", by: "pusher" })],
    isDone: () => world.stage?.by === "pusher" && world.isConnected,
    done: "Add photos: the web process now runs their jobs itself.",
  },
];

/** The step, or null: skipped, or at its end. Kept by the browser. */
let at = stored();

function stored() {
  const text = localStorage.getItem(KEY);
  if (text === "over") return null;
  return Math.min(Math.max(Number(text) || 0, 0), STEPS.length - 1);
}

function go(step) {
  at = step;
  localStorage.setItem(KEY, step === null ? "over" : String(step));
  seen.place = world.stage?.place ?? null;
  drawTour();
  find(step === null ? "#tour-again" : "#tour h2").focus();
}

/** Draws the step, and whether the reader has done it. */
export function drawTour() {
  find("#tour").hidden = at === null || !world.stage;
  find("#tour-again").hidden = at !== null || !world.stage;
  if (at === null || !world.stage) return;
  seen.bad ||= isAnyJob("dead");
  seen.place ??= world.stage.place;
  const { title, text, action, isDone, done } = STEPS[at];
  const isOver = isDone();
  const isLast = at === STEPS.length - 1;
  const key = `${at} ${isOver}`;
  if (find("#tour").dataset.drawn === key) return;
  find("#tour").dataset.drawn = key;
  find("#tour-count").textContent = `Tour, ${at + 1} of ${STEPS.length}`;
  find("#tour h2").textContent = title;
  find("#tour-text").textContent = text;
  find("#tour-done").textContent = isOver ? done : "";
  find("#tour-action").hidden = action === null;
  find("#tour-action").textContent = action?.[0] ?? "";
  find("#tour-action").className = isOver ? "" : "solid";
  find("#tour-next").textContent = isLast ? "End the tour" : "Next";
  find("#tour-next").className = isOver ? "solid" : "";
  find("#tour-skip").hidden = isLast;
}

async function killInTheMiddle() {
  await addSamples();
  const timer = setInterval(() => {
    if (!isAnyJob("running")) return;
    clearInterval(timer);
    ask({ do: "kill" });
  }, 20);
}

find("#tour-action").addEventListener("click", () => STEPS[at].action[1]());
find("#tour-next").addEventListener("click", () => go(at === STEPS.length - 1 ? null : at + 1));
find("#tour-skip").addEventListener("click", () => go(null));
find("#tour-again").addEventListener("click", () => go(0));
addEventListener("click", ({ target }) => {
  if (!target.closest?.("a[href^='/dashboard/']")) return;
  seen.dashboard = true;
  drawTour();
});
