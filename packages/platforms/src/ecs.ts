import { type Duration, errorMessage, WaybillError } from "@waybill/core";
import { assertKnownOptions, describeValue, type OptionNames } from "@waybill/core/backend";
import { durationMs } from "@waybill/core/endpoint";
import { poll } from "./poll.ts";
import { sendSmall } from "./small-request.ts";
import type { TerminationSource } from "./source.ts";

/** Options of `ecs`. */
export interface EcsOptions {
  /** Returns whether jobs run: `() => worker.health().running > 0`. Called every second. */
  readonly busy: () => boolean;
  /** For how long each request protects the task, from 1 minute to 48 hours. It is renewed at half of it. Default "60m". */
  readonly expires?: Duration | undefined;
  /** URL of the ECS agent. Default: ECS_AGENT_URI, which ECS sets in each container. */
  readonly agent?: string | undefined;
}

const OPTIONS: OptionNames<EcsOptions> = { busy: true, expires: true, agent: true };
const LOOK_MS = 1_000;
/** Jobs often follow each other at once; the agent's limit of calls is that of the whole service. */
const IDLE_MS = 10_000;
const AGAIN_MS = 15_000;
const REQUEST_MS = 5_000;

/**
 * Protects the ECS task from scale-in and from deployments while jobs run, and releases it once it has been idle for 10 s. Stops
 * nothing: ECS ends a task by SIGTERM, on which the worker drains. A failure is logged once, and jobs run all the same. Throws
 * `CONFIG_INVALID` for options that cannot work.
 */
export function ecs(options: EcsOptions): TerminationSource {
  assertKnownOptions(options, OPTIONS, "the options of ecs");
  const { busy } = options;
  if (typeof busy !== "function")
    throw refuse(`busy of ecs is ${describeValue(busy)}: pass () => worker.health().running > 0`);
  const minutes = Math.round(durationMs(options.expires ?? "60m", "expires") / 60_000);
  if (minutes < 1 || minutes > 2_880) throw refuse(`expires of ecs is ${minutes} minutes: pass "1m" to "48h"`);
  const agent = options.agent ?? process.env["ECS_AGENT_URI"] ?? "";
  if (agent !== "" && URL.parse(agent)?.protocol !== "http:")
    throw refuse(`the ECS agent is ${describeValue(agent)}: leave agent out, or pass a URL that begins with http://`);

  return {
    name: "ecs",
    async watch({ log, signal }) {
      if (agent === "") {
        log("ECS_AGENT_URI is not set, so this is no ECS task, and nothing protects it from scale-in");
        return async () => {};
      }
      let isProtected = false;
      let hasFailed = false;
      let busyAt = Number.NEGATIVE_INFINITY;
      let renewAt = 0;
      /** No request before, since the last one failed. */
      let againAt = 0;

      async function set(on: boolean): Promise<void> {
        try {
          await protect(agent, on, minutes);
          isProtected = on;
          renewAt = performance.now() + minutes * 30_000;
        } catch (thrown) {
          againAt = performance.now() + AGAIN_MS;
          if (!hasFailed)
            log(`scale-in protection cannot be ${on ? "set" : "released"}: ${errorMessage(thrown)}; jobs run`);
          hasFailed = true;
        }
      }
      async function look(): Promise<boolean> {
        const now = performance.now();
        if (isBusy(busy)) busyAt = now;
        const wanted = now - busyAt < IDLE_MS;
        const isDue = wanted !== isProtected || (wanted && now >= renewAt);
        if (isDue && now >= againAt) await set(wanted);
        return true;
      }
      const { first, ended } = poll(look, LOOK_MS, signal);
      await first;
      return async () => {
        await ended;
        if (isProtected) await set(false);
      };
    },
  };
}

/** A program's own function that throws must not end the process. */
function isBusy(busy: () => boolean): boolean {
  try {
    return busy();
  } catch {
    return false;
  }
}

/** Rejects with the reason if the agent does not confirm. It may report a failure with status 200. */
async function protect(agent: string, on: boolean, minutes: number): Promise<void> {
  const { status, body } = await sendSmall({
    url: new URL(`${agent.replace(/\/$/, "")}/task-protection/v1/state`),
    method: "PUT",
    headers: { "content-type": "application/json" },
    body: JSON.stringify(on ? { ProtectionEnabled: true, ExpiresInMinutes: minutes } : { ProtectionEnabled: false }),
    timeoutMs: REQUEST_MS,
    signal: new AbortController().signal,
  });
  const confirmed = new RegExp(`"protection"\\s*:\\s*\\{[^}]*"ProtectionEnabled"\\s*:\\s*${String(on)}\\b`);
  if (status !== 200 || !confirmed.test(body))
    throw new Error(`the agent responded with ${status} ${body.slice(0, 300)}`);
}

function refuse(message: string): WaybillError {
  return new WaybillError("CONFIG_INVALID", message);
}
