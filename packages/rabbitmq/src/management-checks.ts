import type { Finding } from "@waybill/core";
import type { Managed, ManagedQueue, Node } from "./management-api.ts";
import type { Settings } from "./options.ts";

/** The share of the limit below which a burst of jobs may raise the alarm. */
const SPARE_DISK = 2;

type Make = (check: string, severity: Finding["severity"], message: string, remedy: string | null) => Finding;

/** Checks what the management plugin reports of the nodes, of our queues and of its clock. */
export function managementFindings({ nodes, queues, clock }: Managed, settings: Settings, finding: Make): Finding[] {
  const { prefix } = settings;
  const own = queues.filter(({ name }) => name.startsWith(`${prefix}.`) || name.startsWith(`${prefix}:`));
  return [
    ...nodes.flatMap((node) => nodeFindings(node, finding)),
    ...policies(own, settings, finding),
    ...(clock === null ? [] : [clock]),
  ];
}

function nodeFindings(node: Node, finding: Make): Finding[] {
  const { name, mem_alarm: memory, disk_free_alarm: disk, disk_free: free = 0, disk_free_limit: limit = 0 } = node;
  const lost = node.partitions ?? [];
  const tight = limit > 0 && free < limit * SPARE_DISK;
  const space = `${name} has ${mebibytes(free)} free on its disk, and stops at ${mebibytes(limit)}`;
  return [
    memory === true
      ? finding(
          "memory",
          "failure",
          `${name} is out of memory and accepts no messages`,
          "let workers drain it, or give it more",
        )
      : finding("memory", "ok", `${name} has no memory alarm`, null),
    disk === true
      ? finding("disk", "failure", `${space}: it accepts no messages`, "free its disk; it resumes by itself")
      : finding("disk", tight ? "warning" : "ok", space, tight ? "free its disk" : null),
    lost.length > 0
      ? finding(
          "partitions",
          "failure",
          `${name} has lost sight of ${lost.join(", ")}`,
          "restart the side that may lose its state; see rabbitmqctl cluster_status",
        )
      : finding("partitions", "ok", `${name} sees every node of its cluster`, null),
  ];
}

const mebibytes = (bytes: number): string => `${Math.floor(bytes / 1_048_576)} MiB`;

function policies(queues: readonly ManagedQueue[], { deliveryLimit }: Settings, finding: Make): Finding[] {
  const found = queues.flatMap(({ name, effective_policy_definition: policy = {} }) =>
    harms(policy, deliveryLimit).map((harm) => {
      const remedy = "change the policy, so that it leaves out this prefix: rabbitmqctl list_policies";
      return finding("policies", "failure", `a policy of "${name}" sets ${harm}`, remedy);
    }),
  );
  if (found.length > 0) return found;
  return [finding("policies", "ok", `no policy ends or drops the jobs of ${queues.length} queues`, null)];
}

function harms(policy: Readonly<Record<string, unknown>>, deliveryLimit: number): string[] {
  const refuses = String(policy["overflow"] ?? "").startsWith("reject-publish");
  const limit = policy["delivery-limit"];
  const said = (key: string): string => `${key} to ${String(policy[key])}`;
  return [
    ...("expires" in policy ? [`${said("expires")}: the queue is deleted with its jobs`] : []),
    ...("message-ttl" in policy ? [`${said("message-ttl")}: jobs that wait longer are dropped or moved`] : []),
    ...["max-length", "max-length-bytes"]
      .filter((key) => key in policy && !refuses)
      .map((key) => `${said(key)}: the oldest jobs are dropped`),
    ...(typeof limit === "number" && limit < deliveryLimit
      ? [`${said("delivery-limit")}, below deliveryLimit ${deliveryLimit}: deploys and killed workers use it up`]
      : []),
  ];
}
