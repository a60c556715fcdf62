import { vi } from "vitest";

export interface Answered {
  readonly status: number;
  /** Parsed if it is JSON. */
  readonly body: unknown;
}

/** Posts JSON. */
export async function post(url: string, body: unknown): Promise<Answered> {
  const headers = { "content-type": "application/json" };
  const response = await fetch(url, { method: "POST", headers, body: JSON.stringify(body) });
  const text = await response.text();
  const isJson = response.headers.get("content-type")?.includes("json") ?? false;
  return { status: response.status, body: isJson ? (JSON.parse(text) as unknown) : text };
}

/** Resolves once a server responds there, with whatever status. */
export async function responds(url: string): Promise<void> {
  await vi.waitFor(() => fetch(url), { timeout: 60_000, interval: 100 });
}
