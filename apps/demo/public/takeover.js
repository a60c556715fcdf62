import { note } from "./element.js";
import { jobs, world } from "./live.js";

/** Jobs that a dead worker had not finished, by its process id. */
const cutShort = new Map();
/** How many workers died, and whether each of their jobs has run again; the tour reads it. */
export const takeovers = { deaths: 0, isOver: true };

/** Called after each update: says which jobs a dead worker leaves behind, and when all of them have run again. */
export function followTakeovers(before) {
  for (const { pid, isUp } of world.workers) {
    if (!isUp && before.some((each) => each.pid === pid && each.isUp)) died(pid);
  }
  for (const [pid, ids] of cutShort) {
    if (ids.some((id) => jobs.has(id) && !["done", "dead"].includes(jobs.get(id).state))) continue;
    cutShort.delete(pid);
    const by = jobs.get(ids[0])?.pid;
    const what = ids.length === 1 ? "The job" : `All ${ids.length} jobs`;
    note(`${what} of process ${pid} ran again${by ? ` in ${by}` : ""}. Nothing is lost.`);
  }
  takeovers.isOver = cutShort.size === 0;
}

function died(pid) {
  takeovers.deaths += 1;
  const ids = [...jobs.values()].filter((job) => job.state === "interrupted" && job.pid === pid).map(({ id }) => id);
  if (ids.length === 0) return note(`Process ${pid} is gone. It had no job. Another one starts.`);
  cutShort.set(pid, ids);
  return note(
    `Process ${pid} is gone. Its ${ids.length === 1 ? "job" : `${ids.length} jobs`} will run again within seconds.`,
  );
}
