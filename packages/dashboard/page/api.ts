import type { Session } from "../src/api/session.ts";

/** An error as the handler reports it. */
export class ApiError extends Error {
  readonly code: string;
  constructor(code: string, message: string) {
    super(message);
    this.code = code;
  }
}

/** The folder of this script: the page itself may be at a path without a slash at its end. */
const folder = import.meta.url;

export const apiUrl = (path: string): string => new URL(`api/${path}`, folder).href;

let token = "";

export async function openSession(): Promise<Session> {
  const session = await get<Session>("session");
  token = session.token;
  return session;
}

/** Reads below `api/`. Parameters that are empty are left out. */
export function get<T>(
  path: string,
  query: Readonly<Record<string, string | number | undefined>> = {},
  signal?: AbortSignal,
): Promise<T> {
  const given = Object.entries(query).filter(([, value]) => value !== undefined && value !== "");
  const search = new URLSearchParams(given.map(([name, value]) => [name, String(value)])).toString();
  return call(apiUrl(`${path}${search === "" ? "" : `?${search}`}`), signal ? { signal } : {});
}

/** Sends a change. */
export function post<T>(path: string, body: Readonly<Record<string, unknown>>): Promise<T> {
  const headers = { "content-type": "application/json", "x-waybill-token": token };
  return call(apiUrl(path), { method: "POST", headers, body: JSON.stringify(body) });
}

async function call<T>(url: string, init: RequestInit): Promise<T> {
  let response: Response;
  try {
    response = await fetch(url, init);
  } catch (thrown) {
    if (init.signal?.aborted) throw thrown;
    throw new ApiError("UNREACHABLE", "the dashboard's server does not respond");
  }
  const value = (await response.json().catch(() => null)) as {
    readonly error?: { readonly code: string; readonly message: string };
  } | null;
  if (response.ok) return value as T;
  throw new ApiError(
    value?.error?.code ?? String(response.status),
    value?.error?.message ?? `the server responded ${response.status}`,
  );
}
