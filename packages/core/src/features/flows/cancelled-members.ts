import type { ControlResult, StoredJob } from "../../backend/job-control.ts";
import { cancelledEnd, endMember } from "./flow-ends.ts";
import { dueKey } from "./flow-keys.ts";
import { dutyChange, DUTY_MS, remove } from "./flow-records.ts";
import { flowOf } from "./flow-mark.ts";
import type { FlowHost } from "./flow-store.ts";

/**
 * Cancels waiting jobs by `cancel`, and ends those that are members of flows: what comes after them does not wait for ever. If this
 * process dies between the two, a worker ends them.
 */
export async function cancelMembers(
  host: FlowHost,
  jobs: readonly StoredJob[],
  cancel: () => Promise<ControlResult[]>,
): Promise<ControlResult[]> {
  const members = jobs.flatMap((job, at) => {
    const member = flowOf(job);
    return member === null ? [] : [{ ...member, at }];
  });
  if (members.length === 0) return cancel();
  await host.ledger.commit(members.map(({ flow, key }) => dutyChange(flow, "cancelled", DUTY_MS, key)));
  const results = await cancel();
  for (const { flow, key, at } of members) if (results[at] === "done") await endMember(host, flow, key, cancelledEnd);
  await host.ledger.commit(members.map(({ flow, key }) => remove(dueKey(flow, key))));
  return results;
}
