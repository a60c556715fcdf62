import type { ControlResult, StoredJob } from "../../backend/job-control.ts";
import type { Seam } from "../../backend/seam.ts";
import type { EventBus } from "../../observability/events.ts";

/** What the calls of one connection need. */
export interface ControlSettings {
  readonly seam: Pick<Seam, "backend" | "jobControl" | "ledger" | "records">;
  readonly events: EventBus;
  /** Called after a change that the workers of this process should read at once. */
  readonly changed: () => void;
  /** Cancels waiting jobs by `cancel`, and ends those that are members of flows. Undefined: there are no flows. */
  readonly cancelMembers?:
    | ((jobs: readonly StoredJob[], cancel: () => Promise<ControlResult[]>) => Promise<ControlResult[]>)
    | undefined;
}
