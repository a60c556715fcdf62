import { globSync } from "node:fs";
import { schedulesFromCronYaml } from "@waybill/http";
import { defineJob } from "@waybill/core";
import { durationMs } from "@waybill/core/endpoint";
import { describe, expect, test } from "vitest";
import { parse } from "yaml";
import { faultOf, programs, wordsOf } from "./command-lines.ts";
import { read, root, sources } from "./workspace.ts";

// oxlint-disable-next-line typescript/no-explicit-any
type Sample = any;

const paths = globSync("deploy/**/{*,.ebextensions/*}.{json,yaml,config}", { cwd: root }).toSorted();
// JSON is YAML.
const sample = (path: string): Sample => parse(read(`deploy/${path}`)) as Sample;

/** Every value below `value`, with the key it has. */
function* members(value: unknown, key = ""): Generator<readonly [key: string, value: unknown]> {
  yield [key, value];
  if (typeof value !== "object" || value === null) return;
  for (const [name, one] of Object.entries(value)) yield* members(one, Array.isArray(value) ? key : name);
}
const textsOf = (path: string): string[] =>
  [...members(parse(read(path)))].flatMap(([, value]) => (typeof value === "string" ? [value] : []));

/** What the worker of a sample is started with, as a list: the exec form. */
const worker = {
  ecs: sample("ecs/worker.json").containerDefinitions[0],
  kubernetes: sample("kubernetes/worker.yaml").spec.template.spec,
  compose: sample("compose.yaml").services.worker,
};
const commands: Readonly<Record<string, readonly string[]>> = {
  ecs: worker.ecs.command,
  kubernetes: worker.kubernetes.containers[0].command,
  compose: worker.compose.command,
  Dockerfile: JSON.parse(/^CMD (\[.*\])$/m.exec(read("deploy/Dockerfile"))?.[1] ?? "[]") as string[],
};

/** Milliseconds that a worker with this command line may take to stop. */
function shutdownMs(command: readonly string[]): number {
  const of = (name: string): number => {
    const at = command.indexOf(name);
    const given = at < 0 ? undefined : command[at + 1];
    const option = programs.commands.find((one) => one.name() === "worker")?.options.find(({ long }) => long === name);
    return durationMs((given ?? option?.defaultValue) as `${number}s`, name);
  };
  return of("--drain") + of("--abort") + of("--close");
}

describe("the samples of deploy", () => {
  test.each(paths)("%s can be parsed", (path) => {
    expect(parse(read(path))).toEqual(expect.any(Object));
  });

  test("start the worker in exec form, with options that the command has", () => {
    for (const [name, command] of Object.entries(commands)) {
      expect(Array.isArray(command), name).toBe(true);
      expect(command[0], name).toBe("node_modules/.bin/waybill");
      expect([name, faultOf(["waybill", ...command.slice(1)])]).toEqual([name, null]);
    }
    const script = String(
      sample("ec2/auto-scaling.yaml").Resources.Template.Properties.LaunchTemplateData.UserData["Fn::Base64"],
    );
    const lines = script.split("\n").filter((line) => line.startsWith("node_modules/.bin/waybill"));
    expect(lines).toHaveLength(1);
    const words = wordsOf(lines[0] ?? "");
    expect(faultOf(["waybill", ...words.slice(1)])).toBeNull();
    const exec = wordsOf(words[words.indexOf("--exec") + 1] ?? "");
    expect(faultOf(["waybill", ...exec.slice(1)])).toBeNull();
  });

  test("give a worker at least as long to stop as its own limits allow it", () => {
    expect(shutdownMs(commands["ecs"]!)).toBe(107_000);
    expect(worker.ecs.stopTimeout * 1_000).toBeGreaterThanOrEqual(shutdownMs(commands["ecs"]!));
    // The longest that Fargate takes.
    expect(worker.ecs.stopTimeout).toBeLessThanOrEqual(120);
    expect(worker.kubernetes.terminationGracePeriodSeconds * 1_000).toBeGreaterThan(
      shutdownMs(commands["kubernetes"]!),
    );
    expect(durationMs(worker.compose.stop_grace_period, "stop_grace_period")).toBeGreaterThan(
      shutdownMs(commands["compose"]!),
    );
  });

  test("set only variables that the command reads", () => {
    const options = [programs, ...programs.commands].flatMap((one) => one.options.map(({ envVar }) => envVar ?? ""));
    const variables = sources("packages/cli/src").flatMap((file) =>
      [...read(file).matchAll(/\bWAYBILL_[A-Z_]+/g)].map(([name]) => name),
    );
    const known = new Set([...options, ...variables]);
    const used = paths.flatMap((path) => [...read(path).matchAll(/\bWAYBILL_[A-Z_]+/g)].map(([name]) => name));
    expect(used.length).toBeGreaterThan(8);
    expect(used.filter((name) => !known.has(name))).toEqual([]);
    const platforms = ["ec2", "ecs", "kubernetes"];
    const named = paths.flatMap((path) =>
      [...read(path).matchAll(/WAYBILL_PLATFORM(?:=|, value: |", "value": ")(\w+)/g)].map(([, name]) => name),
    );
    expect([...new Set(named)].toSorted()).toEqual(platforms);
  });

  test("scale on metrics that a worker exports", () => {
    const known = new Set([...read("docs/metrics.md").matchAll(/`(waybill_\w+)/g)].map(([, name]) => name));
    const used = paths.flatMap(textsOf).flatMap((text) => [...text.matchAll(/\bwaybill_\w+/g)].map(([name]) => name));
    expect(used).toEqual(["waybill_desired_workers", "waybill_desired_workers"]);
    expect(used.filter((name) => !known.has(name))).toEqual([]);
  });

  test("R42: the EC2 sample needs a lifecycle hook and permissions, and neither EventBridge nor Systems Manager", () => {
    const { Resources } = sample("ec2/auto-scaling.yaml");
    const types = Object.values<{ Type: string }>(Resources).map(({ Type }) => Type);
    expect(types.toSorted()).toEqual([
      "AWS::AutoScaling::AutoScalingGroup",
      "AWS::EC2::LaunchTemplate",
      "AWS::IAM::InstanceProfile",
      "AWS::IAM::Role",
    ]);
    const [hook, ...more] = Resources.Workers.Properties.LifecycleHookSpecificationList;
    expect(more).toEqual([]);
    expect(hook).toMatchObject({
      LifecycleTransition: "autoscaling:EC2_INSTANCE_TERMINATING",
      DefaultResult: "CONTINUE",
    });
    expect(read("deploy/ec2/auto-scaling.yaml")).toContain(`WAYBILL_LIFECYCLE_HOOK=${hook.LifecycleHookName}`);
    const actions = [...members(Resources.Role.Properties.Policies)].flatMap(([key, value]) =>
      key === "Action" && typeof value === "string" ? [value] : [],
    );
    expect(actions.toSorted()).toEqual([
      "autoscaling:CompleteLifecycleAction",
      "autoscaling:DescribeAutoScalingInstances",
      "autoscaling:DescribeLifecycleHooks",
      "autoscaling:RecordLifecycleActionHeartbeat",
    ]);
    expect(read("deploy/ec2/auto-scaling.yaml")).not.toMatch(/AWS::(Events|SSM|Lambda|SNS|SQS)|events:|ssm:|lambda:/);
    expect(Resources.Template.Properties.LaunchTemplateData.MetadataOptions.HttpTokens).toBe("required");
    expect(Resources.Workers.Properties.AutoScalingGroupName).toBe("shop-workers");
    const target = Resources.Role.Properties.Policies[0].PolicyDocument.Statement[0].Resource["Fn::Sub"];
    expect(target).toMatch(/autoScalingGroupName\/shop-workers$/);
  });

  test("R64: the parameter group of ElastiCache sets maxmemory-policy to noeviction", () => {
    const { Resources } = sample("elasticache/parameter-group.yaml");
    expect(Resources.JobsParameters).toMatchObject({
      Type: "AWS::ElastiCache::ParameterGroup",
      Properties: {
        CacheParameterGroupFamily: expect.stringMatching(/^(redis|valkey)\d/),
        Description: expect.any(String),
        Properties: { "maxmemory-policy": "noeviction" },
      },
    });
    expect(sample("compose.yaml").services.redis.command).toEqual(
      expect.arrayContaining(["--maxmemory-policy", "noeviction"]),
    );
  });

  test("Kubernetes probes the paths that the worker serves, and its preStop hook posts to /drain", () => {
    const [container] = worker.kubernetes.containers;
    expect(container.readinessProbe.httpGet).toEqual({ path: "/ready", port: "metrics" });
    expect(container.livenessProbe.httpGet).toEqual({ path: "/health", port: "metrics" });
    const [node, flag, script] = container.lifecycle.preStop.exec.command;
    expect([node, flag]).toEqual(["node", "-e"]);
    expect(script).toMatch(/127\.0\.0\.1:9464\/drain', \{ method: 'POST', headers: \{ 'waybill-drain': '1' \} \}/);
    expect(() => new Function(script)).not.toThrow();
    const env = Object.fromEntries(container.env.map((one: { name: string; value?: string }) => [one.name, one.value]));
    expect(env).toMatchObject({
      WAYBILL_METRICS_PORT: "9464",
      WAYBILL_METRICS_HOST: "0.0.0.0",
      WAYBILL_PLATFORM: "kubernetes",
    });
    const { spec } = sample("kubernetes/scaled-object.yaml");
    expect(spec.scaleTargetRef.name).toBe(sample("kubernetes/worker.yaml").metadata.name);
    // KEDA's schema: serverAddress, query and threshold are required, and numbers are texts.
    expect(Object.keys(spec.triggers[0].metadata)).toEqual(["serverAddress", "query", "threshold"]);
    expect(spec.triggers[0]).toMatchObject({ type: "prometheus", metadata: { threshold: "1" } });
    expect(spec.minReplicaCount).toBeGreaterThan(0);
  });

  test("web and worker on ECS are one image", () => {
    const [web] = sample("ecs/web.json").containerDefinitions;
    expect(web.image).toBe(worker.ecs.image);
    expect(web.command).toEqual(["node", "dist/web.js"]);
  });

  test("Elastic Beanstalk's cron.yaml is read by waybill, and its daemon's limits are in order", async () => {
    const nightly = defineJob({ type: "report.nightly" });
    const schedules = await schedulesFromCronYaml(read("deploy/elastic-beanstalk/cron.yaml"), {
      "nightly-report": nightly,
    });
    expect(schedules).toHaveLength(1);
    const daemon = sample("elastic-beanstalk/.ebextensions/waybill.config").option_settings[
      "aws:elasticbeanstalk:sqsd"
    ];
    expect(daemon.VisibilityTimeout).toBeGreaterThan(daemon.InactivityTimeout);
    const known = new Set([...read("packages/http/sqsd.md").matchAll(/^\| `(\w+)`/gm)].map(([, name]) => name));
    expect(Object.keys(daemon).filter((name) => !known.has(name))).toEqual([]);
  });

  test("are each named on the page", () => {
    const page = read("docs/deploying.md");
    const files = globSync("deploy/**/*", { cwd: root, withFileTypes: true, exclude: () => false }).filter((one) =>
      one.isFile(),
    );
    expect(files.length).toBeGreaterThan(10);
    expect(files.map(({ name }) => name).filter((name) => !page.includes(name))).toEqual([]);
  });
});
