import { errorMessage, type Finding } from "@waybill/core";
import { clockFinding } from "@waybill/core/backend";
import type { Settings } from "./options.ts";

/** A node of the broker, as far as a doctor looks at it. */
export interface Node {
  readonly name: string;
  readonly mem_alarm?: boolean;
  readonly disk_free_alarm?: boolean;
  readonly disk_free?: number;
  readonly disk_free_limit?: number;
  /** The nodes that it has lost sight of. */
  readonly partitions?: readonly string[];
}

/** A queue, and what the policies that apply to it say. */
export interface ManagedQueue {
  readonly name: string;
  readonly type?: string;
  readonly effective_policy_definition?: Readonly<Record<string, unknown>>;
}

/** What the management plugin reports. */
export interface Managed {
  readonly nodes: readonly Node[];
  /** Those of the vhost, of every prefix. */
  readonly queues: readonly ManagedQueue[];
  /** The clock of its machine beside that of this one, by the `Date` of a response; null where it sends none. */
  readonly clock: Finding | null;
}

const LIMIT_MS = 5_000;

/** Asks the management plugin at `settings.management`. Returns why it could not be asked as a text. */
export async function askManagement(settings: Settings): Promise<Managed | string> {
  const { management, server } = settings;
  if (management === null) return "the option management is not set";
  const { origin, pathname } = new URL(management);
  const authorization = `Basic ${Buffer.from(`${server.username}:${server.password}`).toString("base64")}`;
  const ask = async (path: string): Promise<Response> => {
    const url = `${origin}${pathname.replace(/\/$/, "")}/api/${path}`;
    const response = await fetch(url, { headers: { authorization }, signal: AbortSignal.timeout(LIMIT_MS) });
    if (!response.ok) throw new Error(`/api/${path} responds ${response.status}`);
    return response;
  };
  const get = async (path: string): Promise<unknown> => (await ask(path)).json();
  try {
    const [nodes, queues] = await Promise.all([get("nodes"), get(`queues/${server.vhost ?? "%2F"}`)]);
    const clock = await clockOf(() => ask("whoami"));
    if (!Array.isArray(nodes) || !Array.isArray(queues)) throw new Error("it responds with something else than lists");
    return { nodes: nodes as Node[], queues: queues as ManagedQueue[], clock };
  } catch (thrown) {
    return errorMessage(thrown);
  }
}

async function clockOf(ask: () => Promise<Response>): Promise<Finding | null> {
  const effect = "if this machine's is wrong, its workers start delayed jobs early or late by as much";
  let at = Number.NaN;
  const finding = await clockFinding("rabbitmq.clock", effect, async () => {
    const response = await ask();
    await response.body?.cancel();
    at = Date.parse(response.headers.get("date") ?? "");
    // The header has whole seconds.
    return at + 500;
  });
  return Number.isNaN(at) ? null : finding;
}
