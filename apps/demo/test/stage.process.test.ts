import { readFile } from "node:fs/promises";
import { join } from "node:path";
import { afterEach, beforeEach, expect, test } from "vitest";
import type { StageView, Wish } from "../src/stage.ts";
import type { JobView } from "../src/web/views.ts";
import { launchPage, type Running, temporaryFolder, until } from "./demo-process.ts";
import { makePhotos } from "./make-photos.ts";

let folder: Awaited<ReturnType<typeof temporaryFolder>>;
let running: Running & { address: string };
beforeEach(async () => {
  folder = await temporaryFolder();
  running = await launchPage(join(folder.path, "data"), { DEMO_SQS_URL: "own", DEMO_REDIS_URL: "redis://127.0.0.1:1" });
});
afterEach(async () => {
  running.kill("SIGTERM");
  await running.exited;
  await folder.remove();
});

test("photos that are added while the demo's own server is stopped are made into an album once it is started again", async () => {
  expect(await ask({ do: "move", place: "sqs" })).toBe(202);
  await until("the place", async () => (await stage())?.server === "running");
  await until("the worker at the place", () => (running.stdout().match(/worker started/g)?.length ?? 0) > 1);
  await ask({ do: "stop-server" });
  await until("the end of the server", async () => (await stage())?.server === "stopped");
  // A worker that cannot reach its backend is started again for as long as the server is stopped.
  await ask({ do: "kill" });
  const uploaded = upload();
  await until("the photo", async () => (await albums()).length > 0);
  await ask({ do: "start-server" });
  const { albumId } = await uploaded;
  await until("the whole album", async () => {
    const response = await fetch(`${running.address}/albums/${albumId}`);
    const { jobs } = (await response.json()) as { jobs: JobView[] };
    return jobs.length === 5 && jobs.every((job) => job.state === "done");
  });
});

test("a place without a server is refused with what to do, and the demo stays where it is", async () => {
  await ask({ do: "move", place: "redis" });
  const view = await until("the refusal", async () => {
    const now = await stage();
    return now?.problem ? now : null;
  });
  expect(view.problem).toContain("redis://127.0.0.1:1");
  expect(view).toMatchObject({ place: "sqlite", busy: null, server: null });
  expect((await ask({ do: "kill" } as Wish)) + (await ask({ do: "fly" } as unknown as Wish))).toBe(202 + 404);
});

async function ask(wish: Wish): Promise<number> {
  const body = JSON.stringify(wish);
  const headers = { "content-type": "application/json" };
  const response = await fetch(`${running.address}/stage`, { method: "POST", headers, body }).catch(() => null);
  return response?.status ?? 0;
}

async function upload(): Promise<{ albumId: string }> {
  const [name = ""] = await makePhotos(folder.path, 1);
  const form = new FormData();
  form.append("photos", new Blob([await readFile(join(folder.path, name))]), name);
  const response = await fetch(`${running.address}/albums?title=Away`, { method: "POST", body: form });
  return (await response.json()) as { albumId: string };
}

const stage = async (): Promise<StageView | undefined> => (await snapshot())?.stage;
const albums = async (): Promise<readonly object[]> => (await snapshot())?.albums ?? [];

/** The first message of the page's stream of updates. Null while the web process does not respond. */
async function snapshot(): Promise<{ stage?: StageView; albums: object[] } | null> {
  const response = await fetch(`${running.address}/events`).catch(() => null);
  let text = "";
  for await (const chunk of response?.body?.pipeThrough(new TextDecoderStream()) ?? []) {
    text += chunk;
    const data = /^data: (.*)$/m.exec(text)?.[1];
    if (data !== undefined && text.endsWith("\n\n")) return JSON.parse(data) as { albums: object[] };
  }
  return null;
}
