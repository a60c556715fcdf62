import type { AutoScalingClient } from "@aws-sdk/client-auto-scaling";
import { errorMessage, WaybillError } from "@waybill/core";
import { errorCode } from "@waybill/core/endpoint";

type Sdk = typeof import("@aws-sdk/client-auto-scaling");

/** Which lifecycle action is meant. */
export interface LifecycleAction {
  readonly hook: string;
  readonly group: string;
  readonly instanceId: string;
}

/** The calls of EC2 Auto Scaling that a draining instance needs. Each rejects with the error of the SDK, after its retries. */
export interface AutoScaling {
  /** Returns the name of the group that the instance belongs to, or null when it belongs to none. */
  groupOf(instanceId: string): Promise<string | null>;
  /** Returns how long the instance waits without a heartbeat; null when the group has no such hook for terminations. */
  heartbeatTimeoutMs(action: LifecycleAction): Promise<number | null>;
  heartbeat(action: LifecycleAction): Promise<void>;
  /** Lets the termination go on. */
  complete(action: LifecycleAction): Promise<void>;
}

const CALL_MS = 20_000;
const MISSING = "ec2AutoScaling needs the AWS SDK: npm install @aws-sdk/client-auto-scaling";

/** Loads the AWS SDK. Rejects with `CONFIG_INVALID` if it is not installed. */
export async function loadSdk(): Promise<Sdk> {
  try {
    return await import("@aws-sdk/client-auto-scaling");
  } catch (thrown) {
    if (errorCode(thrown).endsWith("MODULE_NOT_FOUND"))
      throw new WaybillError("CONFIG_INVALID", MISSING, { cause: thrown });
    throw thrown;
  }
}

/** Makes the calls by the SDK's client. `endpoint` is for tests; without it the SDK's own settings count. */
export function autoScaling(sdk: Sdk, region: string, endpoint: string | undefined): AutoScaling {
  const client: AutoScalingClient = new sdk.AutoScalingClient({
    region,
    maxAttempts: 5,
    requestHandler: { connectionTimeout: 2_000, requestTimeout: 5_000, throwOnRequestTimeout: true },
    ...(endpoint === undefined ? {} : { endpoint }),
  });
  const limited = (): { readonly abortSignal: AbortSignal } => ({ abortSignal: AbortSignal.timeout(CALL_MS) });
  const named = ({ hook, group, instanceId }: LifecycleAction) => ({
    LifecycleHookName: hook,
    AutoScalingGroupName: group,
    InstanceId: instanceId,
  });
  return {
    async groupOf(instanceId) {
      const command = new sdk.DescribeAutoScalingInstancesCommand({ InstanceIds: [instanceId] });
      const { AutoScalingInstances = [] } = await client.send(command, limited());
      return AutoScalingInstances[0]?.AutoScalingGroupName ?? null;
    },
    async heartbeatTimeoutMs({ hook, group }) {
      const command = new sdk.DescribeLifecycleHooksCommand({
        AutoScalingGroupName: group,
        LifecycleHookNames: [hook],
      });
      const { LifecycleHooks = [] } = await client.send(command, limited());
      const found = LifecycleHooks.find(({ LifecycleTransition }) => LifecycleTransition === TERMINATING);
      return found?.HeartbeatTimeout === undefined ? null : found.HeartbeatTimeout * 1_000;
    },
    async heartbeat(action) {
      await client.send(new sdk.RecordLifecycleActionHeartbeatCommand(named(action)), limited());
    },
    async complete(action) {
      const input = { ...named(action), LifecycleActionResult: "CONTINUE" };
      await client.send(new sdk.CompleteLifecycleActionCommand(input), limited());
    },
  };
}

const TERMINATING = "autoscaling:EC2_INSTANCE_TERMINATING";

/** Returns the command that does by hand what could not be done. */
export function completeByHand({ hook, group, instanceId }: LifecycleAction): string {
  return (
    `aws autoscaling complete-lifecycle-action --lifecycle-hook-name ${hook} --auto-scaling-group-name ${group} ` +
    `--instance-id ${instanceId} --lifecycle-action-result CONTINUE`
  );
}

/** Returns the error of a call as one line. */
export const callError = (thrown: unknown): string => `${errorCode(thrown)}: ${errorMessage(thrown)}`;
