import { describe, expect, test } from "vitest";
import { headingsOf } from "./guides.ts";
import { blocksOf } from "./code-blocks/blocks.ts";
import { read, sources } from "./workspace.ts";

const ORDER = ["What it is good at", "Set up", "Limits", "Cost", "What to watch"];

describe.each(["sqlite", "postgres", "bullmq", "rabbitmq", "sqs"])("the page of %s", (name) => {
  const page = `packages/${name}/README.md`;

  test("says in the common order what it is good at, how to set it up, its limits, its cost and what to watch", () => {
    expect(headingsOf(page).slice(0, ORDER.length)).toEqual(ORDER);
  });

  test("shows the set-up on a developer's machine, in production and with least rights", () => {
    const [, setUp = ""] = /^## Set up\n([\s\S]*?)^## /m.exec(read(page)) ?? [];
    const parts = [...setUp.matchAll(/^\*\*([^*]+)\.\*\*/gm)].map(([, part]) => part);
    expect(parts).toEqual(["On your machine", "In production", "Least rights"]);
  });

  test("has its limits, and a link to what it cannot do", () => {
    const [, limits = ""] = /^## Limits\n([\s\S]*?)^## /m.exec(read(page)) ?? [];
    expect(limits).toContain("| Delay");
    expect(limits).toContain("(#what-this-backend-cannot-do)");
    expect(limits).toContain("docs/backends.md");
  });
});

test("the policy of least rights for SQS has the actions that the package calls, and no other", () => {
  const policy = blocksOf("packages/sqs/README.md").find(({ code }) => code.includes('"Statement"'));
  const { Statement: statements } = JSON.parse(policy?.code ?? "") as { Statement: { Action: string | string[] }[] };
  const allowed = statements.flatMap(({ Action: actions }) => actions);
  const text = sources("packages/sqs/src").map(read).join("\n");
  const called = [...text.matchAll(/new (\w+?)(?:Batch)?Command\(/g)].map(([, action = ""]) => `sqs:${action}`);
  const wanted = new Set(called.filter((action) => action !== "sqs:CreateQueue"));
  expect(allowed.toSorted()).toEqual([...wanted].toSorted());
});
