import { cancelledEnd } from "../flows/flow-ends.ts";
import type { MemberView } from "./member-view.ts";
import { reason } from "./reason.ts";
import type { View } from "./view.ts";
import type { AnyReason, FlowJob } from "./why-api.ts";
import { counted, named } from "./words.ts";

/** Says what keeps a member of a flow from ever being in its queue, or from running there; null where nothing of the flow does. */
export function memberReason(view: View): AnyReason | null {
  const { member: place, job } = view;
  if (place === null) return null;
  const { state } = place.member;
  if (place.head.state === "storing") return unstored(place);
  switch (state) {
    case "waiting":
      return waitingMember(place);
    case "enqueued":
      if (job?.state === "leased") return null;
      return stoppedMember(place) ?? (job === null && !isKnown(view) ? continues(place, isBroken(view)) : null);
    case "dependency_dead":
      return dependencyDead(place);
    case "cancelled":
      return place.member.message === cancelledEnd.message ? cancelled(place, "It has not run, and never will.") : null;
    case "completed":
    case "dead":
      return null;
  }
}

/** Whether its queue, a worker or a record says where it is. */
const isKnown = ({ trace, owner, returned, record, hasFinished }: View): boolean =>
  trace !== null || owner !== null || returned !== null || record !== null || hasFinished;

/** Whether its queue can be looked into, and does not have it: the process that was to enqueue it has died, or is about to do so. */
const isBroken = ({ seam }: View): boolean => seam.jobControl !== null;

const ofFlow = ({ flow, head }: MemberView): string => `flow "${head.name}" (${flow})`;
const base = ({ flow, head, member }: MemberView): { type: string; queue: string; flow: string; name: string } => ({
  type: member.type,
  queue: member.queue,
  flow,
  name: head.name,
});
const show = ({ flow }: MemberView): string => `waybill flows show ${flow}`;

const listed = (jobs: readonly FlowJob[], count: number = jobs.length): string => {
  const names = jobs.map(({ id, type, state }) => `${type} ${id}, ${state}`);
  return count > jobs.length ? `${names.join("; ")} and ${count - jobs.length} more` : named(names);
};

function unstored(place: MemberView): AnyReason {
  const text = `It is a member of ${ofFlow(place)}, whose members are not all stored: its start() still stores them, or its process has died. No member runs before that.`;
  const remedy =
    "If the process has died, call start() of the same flow again; what is there is removed after an hour otherwise.";
  return reason("FLOW_STORING", base(place), text, remedy);
}

function waitingMember(place: MemberView): AnyReason {
  const { member, open } = place;
  if (open.count === 0) return unsettled(place);
  const until = member.when === "completed" ? "all of them have completed" : "all of them have ended, however that is";
  const text = `It waits for ${counted(open.count, "member")} of ${ofFlow(place)} before it: ${listed(open.jobs, open.count)}. It is enqueued once ${until}.`;
  const facts = { ...base(place), when: member.when, count: open.count, jobs: open.jobs };
  return reason("FLOW_WAITING", facts, text, `Look at those: waybill why ID, or ${show(place)}`);
}

/** The next step of the flow is stored, and not done. */
function unsettled(place: MemberView): AnyReason {
  const text = `All members of ${ofFlow(place)} before it have ended, and it is not in its queue yet: the process that ended the last of them enqueues it, or has died. If it has, a worker goes on within about ten seconds, or when that job is delivered again.`;
  return reason("FLOW_CONTINUES", { ...base(place), by: "member" }, text, RUN_ANY);
}

const RUN_ANY =
  "Ask again in a few seconds. A live worker of this backend has to run for it, of any queue: waybill workers";

function continues(place: MemberView, isGone: boolean): AnyReason | null {
  if (place.duty === "starting") {
    const text = `It is one of the first members of ${ofFlow(place)}, and is not known to be in its queue: the program that has called start() still enqueues them, or was killed. If it was, a worker enqueues the rest within about ten seconds.`;
    return reason("FLOW_CONTINUES", { ...base(place), by: "start" }, text, RUN_ANY);
  }
  return isGone ? unsettled(place) : null;
}

/** Of a member that is in its queue, or may be. */
function stoppedMember(place: MemberView): AnyReason | null {
  const { head, member } = place;
  if (head.state === "cancelled")
    return cancelled(place, "Its queue may still have it: the worker that leases it ends it.");
  return head.state === "stopped" && member.when !== "ended" ? dependencyDead(place) : null;
}

function cancelled(place: MemberView, then: string): AnyReason {
  const text = `${ofFlow(place).replace(/^f/, "F")}, of which it is a member, was cancelled. ${then}`;
  return reason("FLOW_CANCELLED", base(place), text, "Nothing has to be done. To run it anyway, enqueue a new job.");
}

function dependencyDead(place: MemberView): AnyReason {
  const { head, because } = place;
  const whose = because.length === 0 ? "" : `: ${listed(because)}`;
  const how =
    head.state === "stopped" || place.member.message?.includes("stops the flow") === true
      ? `a member of ${ofFlow(place)} has died, which stops the flow (onDead: "stop")`
      : `a member of ${ofFlow(place)} before it has not completed`;
  const text = `It never runs as things are, since ${how}${whose}.`;
  const [first] = because;
  const remedy =
    first?.state === "dead"
      ? `Mend what made it fail, then replay it, which resumes the flow: waybill dead replay --id ${first.id}`
      : `Start a new flow. What ended in this one: ${show(place)}`;
  return reason("DEPENDENCY_DEAD", { ...base(place), because }, text, remedy);
}
