import { mkdirSync, writeFileSync } from "node:fs";
import { dirname, join } from "node:path";
import { freePort } from "@waybill/test-servers";
import { jobsOfRecipes } from "../../packages/http/test/recipes/recipe-jobs.ts";
import { blocksOf } from "../../test/code-blocks/blocks.ts";
import { root } from "../../test/workspace.ts";
import { run, runServer, runUntil } from "./program.ts";
import type { Urls } from "./run-kinds.ts";
import type { Stranger } from "./stranger.ts";

/** Enqueues on the backend that the request names. */
const route = `
import { connectProducer, defineJob } from "@waybill/core";
const greet = defineJob({ type: "next.greet", queue: "next" });
export async function POST(request: Request) {
  const { url, name } = await request.json();
  const jobs = await connectProducer(url, { jobs: [greet], log: "off" });
  try {
    return Response.json(await jobs.enqueue(greet, { name }));
  } finally {
    await jobs.close();
  }
}
`;

const worker = `
import { connect, defineJob } from "@waybill/core";
const greet = defineJob({ type: "next.greet", queue: "next", handler: ({ name }) => console.log("hello " + name) });
const sendReceipt = defineJob({ type: "receipt.send", handler: ({ orderId }) => console.log("receipt for " + orderId) });
const jobs = await connect(process.argv[2], { log: "off" });
await jobs.worker({ jobs: [greet, sendReceipt] }).run();
`;

const files: Readonly<Record<string, string>> = {
  "tsconfig.json": JSON.stringify({
    compilerOptions: {
      target: "es2017",
      lib: ["dom", "dom.iterable", "esnext"],
      allowJs: true,
      skipLibCheck: true,
      strict: true,
      noEmit: true,
      module: "esnext",
      moduleResolution: "bundler",
      isolatedModules: true,
      jsx: "react-jsx",
      paths: { "@/*": ["./*"] },
    },
    include: ["**/*.ts", "**/*.tsx"],
    exclude: ["node_modules"],
  }),
  "app/layout.tsx": `export default function Layout({ children }: { children: React.ReactNode }) {
  return <html><body>{children}</body></html>;
}`,
  "app/api/jobs/route.ts": route,
  "worker.js": worker,
  // What the recipe leaves to its reader.
  "jobs.ts": jobsOfRecipes,
  "app/page.tsx": `import { buy } from "@/app/actions";
export default function Page() {
  return <form action={buy}><input name="orderId" /></form>;
}`,
  "app/echo/route.ts": "export const POST = async (request: Request) => Response.json(await request.json());",
};

const next = (folder: string): string[] => ["node", join(folder, "node_modules/next/dist/bin/next")];
const env = { NEXT_TELEMETRY_DISABLED: "1" };

/** An application with a route of its own beside the recipe's files, which are those that docs/push.md prints. */
export async function buildsNext({ folder }: Stranger): Promise<void> {
  const printed = blocksOf("docs/push.md").flatMap(({ file, code }) => (file === null ? [] : [[file, code] as const]));
  for (const [file, code] of [...Object.entries(files), ...printed]) {
    mkdirSync(dirname(join(folder, file)), { recursive: true });
    writeFileSync(join(folder, file), code);
  }
  await run([...next(folder), "build"], { cwd: folder, env, limitMs: 300_000 });
}

/** A route handler enqueues on each backend, and a worker outside of Next runs the jobs. */
export async function enqueuesInNext({ folder }: Stranger, { redis, postgres }: Urls): Promise<void> {
  const port = await freePort();
  const urls = [`sqlite:${join(folder, "next.db")}`, redis, postgres];
  const enqueueing = async (): Promise<void> => {
    for (const url of urls) {
      const body = JSON.stringify({ url, name: "Ada" });
      const headers = { "content-type": "application/json" };
      const response = await fetch(`http://127.0.0.1:${port}/api/jobs`, { method: "POST", body, headers });
      if (!response.ok) throw new Error(`${url}: ${response.status} ${await response.text()}`);
    }
  };
  await runServer("Ready in", [...next(folder), "start", "-p", String(port)], { cwd: folder, env }, enqueueing);
  await Promise.all(urls.map((url) => runUntil("hello Ada", ["node", "worker.js", url], { cwd: folder })));
}

/** The recipe of docs/push.md, by the tests that the recipes of other frameworks have. */
export async function runsNextRecipe({ folder }: Stranger): Promise<void> {
  const vitest = ["node", join(root, "node_modules/vitest/vitest.mjs"), "run"];
  const output = await run([...vitest, "packages/http/test/recipes/recipes.process.test.ts"], {
    cwd: root,
    env: { ...env, WAYBILL_NEXT_APP: folder },
    limitMs: 300_000,
  });
  if (!/\b3 passed/.test(output)) throw new Error(output);
}

/** A form as a browser without scripts sends it: the page's hidden field names the action. */
export async function enqueuesByAction({ folder }: Stranger): Promise<void> {
  const port = await freePort();
  const url = `sqlite:${join(folder, "action.db")}`;
  const sending = async (): Promise<void> => {
    const page = `http://127.0.0.1:${port}/`;
    const field = /name="(\$ACTION_ID_\w+)"/.exec(await (await fetch(page)).text())?.[1] ?? "no action";
    const body = new FormData();
    body.set(field, "");
    body.set("orderId", "o_1");
    const response = await fetch(page, { method: "POST", body });
    if (!response.ok) throw new Error(`${response.status} ${await response.text()}`);
  };
  const how = { cwd: folder, env: { ...env, WAYBILL_URL: url } };
  await runServer("Ready in", [...next(folder), "start", "-p", String(port)], how, sending);
  await runUntil("receipt for o_1", ["node", "worker.js", url], { cwd: folder });
}
