import { setTimeout as sleep } from "node:timers/promises";
import { type Duration, WaybillError } from "@waybill/core";
import { assertKnownOptions, describeValue, type OptionNames } from "@waybill/core/backend";
import { timerMs } from "@waybill/core/endpoint";
import { type InstanceMetadata, openMetadata } from "./instance-metadata.ts";
import {
  type AutoScaling,
  autoScaling,
  callError,
  completeByHand,
  type LifecycleAction,
  loadSdk,
} from "./lifecycle-hook.ts";
import type { SourceHost, TerminationSource } from "./source.ts";
import { watchItems } from "./watched-metadata.ts";

/** Options of `ec2AutoScaling`. */
export interface Ec2AutoScalingOptions {
  /** Name of the group's lifecycle hook for `autoscaling:EC2_INSTANCE_TERMINATING`. */
  readonly hook: string;
  /** Name of the Auto Scaling group. Default: asked by DescribeAutoScalingInstances. */
  readonly group?: string | undefined;
  /** How long `stop` may take. Then the termination goes on all the same. Default "1h". */
  readonly limit?: Duration | undefined;
  /** URL of the instance metadata service. Default: AWS_EC2_METADATA_SERVICE_ENDPOINT, else "http://169.254.169.254". */
  readonly metadata?: string | undefined;
  /** URL of EC2 Auto Scaling. Default: that of the instance's region, or AWS_ENDPOINT_URL_AUTO_SCALING. */
  readonly endpoint?: string | undefined;
}

const OPTIONS: OptionNames<Ec2AutoScalingOptions> = {
  hook: true,
  group: true,
  limit: true,
  metadata: true,
  endpoint: true,
};
/** Half of the shortest timeout that a hook can have, for when the hook cannot be read. */
const SAFE_BEAT_MS = 15_000;

/**
 * Watches the target lifecycle state of an instance of an Auto Scaling group. When the group terminates the instance, stops the
 * program, sends a heartbeat of the lifecycle action at every half of the hook's timeout meanwhile, and completes the action
 * with CONTINUE, also when `stop` fails or reaches its limit. Needs `@aws-sdk/client-auto-scaling`. Throws `CONFIG_INVALID` for
 * options that cannot work.
 */
export function ec2AutoScaling(options: Ec2AutoScalingOptions): TerminationSource {
  assertKnownOptions(options, OPTIONS, "the options of ec2AutoScaling");
  const { hook, group, metadata: address, endpoint } = options;
  for (const [name, value] of Object.entries({ hook, ...(group === undefined ? {} : { group }) })) {
    if (typeof value === "string" && value !== "") continue;
    const message = `${name} of ec2AutoScaling is ${describeValue(value)}: pass the name of the group's ${name === "hook" ? "lifecycle hook" : "own"}`;
    throw new WaybillError("CONFIG_INVALID", message);
  }
  const limitMs = timerMs(options.limit ?? "1h", "limit");
  const metadata = openMetadata(address);

  return {
    name: "ec2AutoScaling",
    async watch(host) {
      const sdk = await loadSdk();
      if (metadata === null) {
        host.log("AWS_EC2_METADATA_DISABLED is true, so no termination is seen");
        return async () => {};
      }
      const place = lifecyclePlace({ hook, group, metadata, open: (region) => autoScaling(sdk, region, endpoint) });
      let checking: Promise<void> | null = null;
      let proceeding: Promise<void> | null = null;
      const onText = (state: string | null): boolean => {
        // "Warmed:Terminated", "Warmed:Stopped" and others belong to an instance in a warm pool.
        if (state === "Terminated") {
          proceeding = drainAndProceed(place, host, limitMs);
          return false;
        }
        if (state !== null) checking ??= check(place, host);
        return true;
      };
      const ended = await watchItems(metadata, [{ path: STATE, onText }], host);
      return async () => {
        await ended();
        await Promise.all([checking, proceeding]);
      };
    },
  };
}

const STATE = "autoscaling/target-lifecycle-state";

/** The lifecycle action of this instance, and the service that knows it. */
interface Place {
  readonly action: LifecycleAction;
  readonly service: AutoScaling;
}

/** Returns a function that finds the place; it asks again after a failure, and rejects with the reason. */
function lifecyclePlace(from: {
  readonly hook: string;
  readonly group: string | undefined;
  readonly metadata: InstanceMetadata;
  readonly open: (region: string) => AutoScaling;
}): () => Promise<Place> {
  const { hook, metadata, open } = from;
  async function item(path: string): Promise<string> {
    const found = await metadata.read(path);
    if (found.kind === "found" && /^[\w-]{1,64}$/.test(found.text)) return found.text;
    throw new Error(`the instance metadata has no ${path}${found.kind === "failed" ? `: ${found.message}` : ""}`);
  }
  async function find(): Promise<Place> {
    const [instanceId, region] = [await item("instance-id"), await item("placement/region")];
    const service = open(region);
    const group = from.group ?? (await service.groupOf(instanceId));
    if (group === null) throw new Error(`instance ${instanceId} belongs to no Auto Scaling group`);
    return { action: { hook, group, instanceId }, service };
  }
  let found: Promise<Place> | null = null;
  return () => {
    const finding = (found ??= find());
    finding.catch(() => (found = null));
    return finding;
  };
}

/** Finds mistakes when the program starts rather than when the instance ends. */
async function check(place: () => Promise<Place>, { log }: SourceHost): Promise<void> {
  try {
    const { action, service } = await place();
    if ((await service.heartbeatTimeoutMs(action)) !== null) return;
    log(`the group ${action.group} has no lifecycle hook ${action.hook} for autoscaling:EC2_INSTANCE_TERMINATING`);
  } catch (thrown) {
    log(`the lifecycle hook cannot be read (${callError(thrown)}); it is tried again when the instance ends`);
  }
}

async function drainAndProceed(place: () => Promise<Place>, host: SourceHost, limitMs: number): Promise<void> {
  const draining = new AbortController();
  const beating = beat(place, host, draining.signal);
  try {
    await host.terminate({ reason: "EC2_AUTO_SCALING", limitMs });
  } finally {
    draining.abort();
    await complete(place, host);
    await beating;
  }
}

async function beat(place: () => Promise<Place>, { log }: SourceHost, ended: AbortSignal): Promise<void> {
  let hasFailed = false;
  let everyMs = SAFE_BEAT_MS;
  const failed = (thrown: unknown): void => {
    if (!hasFailed) log(`a heartbeat of the lifecycle action failed (${callError(thrown)}); the next one follows`);
    hasFailed = true;
  };
  try {
    const { action, service } = await place();
    everyMs = ((await service.heartbeatTimeoutMs(action)) ?? SAFE_BEAT_MS * 2) / 2;
  } catch (thrown) {
    failed(thrown);
  }
  while (!ended.aborted) {
    await sleep(everyMs, null, { signal: ended }).catch(() => null);
    if (ended.aborted) return;
    try {
      const { action, service } = await place();
      await service.heartbeat(action);
    } catch (thrown) {
      failed(thrown);
    }
  }
}

/** Never rejects: the drain is over, and the hook's own timeout ends the wait. */
async function complete(place: () => Promise<Place>, { log }: SourceHost): Promise<void> {
  try {
    const { action, service } = await place();
    await service.complete(action).catch((thrown: unknown) => {
      log(`the lifecycle action is not completed (${callError(thrown)}). To do it by hand: ${completeByHand(action)}`);
    });
  } catch (thrown) {
    log(`the lifecycle action is not completed (${callError(thrown)}); the instance waits until the hook's timeout`);
  }
}
