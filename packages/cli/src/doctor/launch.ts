import { hostname } from "node:os";
import type { Finding, Jobs } from "@waybill/core";
import { launchFault } from "../launch-form.ts";

/**
 * Checks what started the live workers on this machine, and in this container: a shell or npm may keep SIGTERM from them. Returns
 * none where the backend keeps no list of its workers.
 */
export async function launchFindings({ workers }: Pick<Jobs, "workers">): Promise<Finding[]> {
  const live = await workers().catch(() => []);
  return live
    .filter(({ host }) => host === hostname())
    .map(({ id, pid }) => {
      const check = "host.launch_form";
      const fault = launchFault(pid);
      if (fault === null) return { check, severity: "ok", message: `SIGTERM reaches the worker ${id}`, remedy: null };
      return {
        check,
        severity: "warning",
        message: `worker ${id}, process ${pid}: ${fault.message}`,
        remedy: fault.remedy,
      };
    });
}
