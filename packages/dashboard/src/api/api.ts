import { errorCode } from "@waybill/core/endpoint";
import type { Jobs } from "@waybill/core";
import type { AuditLine } from "../audit.ts";
import type { Live } from "../live/live.ts";
import type { KnownUser } from "../options.ts";
import { Refusal, refusalOf } from "../refusal.ts";
import type { WriteGuard } from "../guard/write-guard.ts";
import { bodyOf } from "./input.ts";
import { reads } from "./reads.ts";
import { sessionOf } from "./session.ts";
import { auditedTarget, writes } from "./writes.ts";

export interface ApiSettings {
  readonly connections: ReadonlyMap<string, Jobs>;
  readonly readOnly: boolean;
  readonly redact: readonly (readonly string[])[];
  readonly audit: (line: AuditLine) => void;
  readonly guard: WriteGuard;
  readonly live: Live;
}

/** Handles one request below `api/`. Rejects a `Refusal`, or an error of the connection. */
export type Api = (request: Request, path: string, user: KnownUser) => Promise<Response>;

export function createApi(settings: ApiSettings): Api {
  const { connections, guard, live, audit, redact } = settings;
  // Read-only: the routes that write do not exist.
  const writable = settings.readOnly ? new Map<string, never>() : writes;

  async function read(request: Request, path: string, name: string, jobs: Jobs): Promise<Response> {
    if (request.method !== "GET") throw new Refusal(405, "METHOD_REFUSED", "use GET");
    const { searchParams } = new URL(request.url);
    if (path === "live") return live.stream(name);
    const route = reads.get(path);
    if (route === undefined) throw notFound();
    const reading = { jobs, query: searchParams, redact, live: () => live.now(name) };
    return Response.json(await route({ ...reading, history: (span) => live.history(name, span) }));
  }

  async function write(request: Request, path: string, name: string, jobs: Jobs, user: KnownUser): Promise<Response> {
    const route = user.readOnly ? undefined : writable.get(path);
    if (route === undefined) throw notFound();
    guard.assertOwn(request, user.user);
    const input = await bodyOf(request);
    const line = {
      at: new Date().toISOString(),
      user: user.user,
      connection: name,
      action: path,
      target: auditedTarget(input),
    };
    try {
      const result = await route({ jobs, input, redact });
      audit({ ...line, result, error: null });
      live.changed(name);
      return Response.json(result);
    } catch (thrown) {
      audit({ ...line, result: null, error: errorCode(refusalOf(thrown)) });
      throw thrown;
    }
  }

  return async (request, path, user) => {
    if (path === "session" && request.method === "GET") {
      return Response.json(sessionOf(connections, user, guard.tokenOf(user.user), redact.length > 0));
    }
    const [name = "", ...rest] = path.split("/");
    const jobs = connections.get(name);
    if (jobs === undefined) throw notFound();
    if (request.method === "POST") return write(request, rest.join("/"), name, jobs, user);
    return read(request, rest.join("/"), name, jobs);
  };
}

const notFound = (): Refusal => new Refusal(404, "NOT_FOUND", "there is no such route");
