import { element } from "./element.js";

/** Returns a link to the timeline of a job in the dashboard. */
export function timelineLink(id, ...children) {
  const href = `/dashboard/#/main/job?id=${encodeURIComponent(id)}`;
  return element("a", { href, target: "_blank", title: "Timeline in the dashboard" }, ...children);
}
