import { createApi } from "./api/api.ts";
import { printAudit } from "./audit.ts";
import { createLive } from "./live/live.ts";
import { type DashboardOptions, type KnownUser, type Settings, settingsOf } from "./options.ts";
import { servePage } from "./page/serve-page.ts";
import { Refusal, refusalOf } from "./refusal.ts";
import { secured } from "./guard/headers.ts";
import { assertHost } from "./guard/hosts.ts";
import { createWriteGuard } from "./guard/write-guard.ts";

/** Handles one request for the dashboard. Never rejects: what is not there gets a 404. */
export type Dashboard = (request: Request) => Promise<Response>;

/**
 * Creates a dashboard over connections: a fetch handler that serves its page, its files and its data. Throws `CONFIG_INVALID`
 * for invalid options, and without `auth`. Requests the history of its connections; beyond that it does nothing between requests.
 */
export function createDashboard(options: DashboardOptions): Dashboard {
  const settings = settingsOf(options);
  const guard = createWriteGuard(settings.secret);
  const live = createLive(settings.connections, settings.signal);
  const api = createApi({ ...settings, audit: settings.audit ?? printAudit, guard, live });

  async function respond(request: Request): Promise<Response> {
    assertHost(request, settings.hosts, settings.auth === "loopback");
    const user = await userOf(request, settings);
    if (user instanceof Response) return user;
    const { pathname } = new URL(request.url);
    // Not redirected to the path with a slash: Next redirects that one to the path without.
    const isBare = pathname === settings.path;
    if (!isBare && !pathname.startsWith(`${settings.path}/`)) throw notFound();
    const path = pathname.slice(settings.path.length + 1);
    if (path.startsWith("api/")) return api(request, path.slice(4), user);
    const page = await servePage(request, path, isBare ? `${settings.path}/` : "./");
    if (page === null) throw notFound();
    return page;
  }

  return async (request) => {
    try {
      return secured(await respond(request));
    } catch (thrown) {
      const { status, code, message } = refusalOf(thrown);
      return secured(Response.json({ error: { code, message } }, { status }));
    }
  };
}

async function userOf(request: Request, { auth, readOnly }: Settings): Promise<KnownUser | Response> {
  if (auth === "loopback") return { user: "loopback", readOnly };
  const found = await auth(request);
  if (found instanceof Response) return found;
  if (typeof found?.user !== "string") throw new Refusal(401, "UNAUTHORIZED", "sign in first");
  return { user: found.user, readOnly: readOnly || found.readOnly === true };
}

const notFound = (): Refusal => new Refusal(404, "NOT_FOUND", "there is nothing here");
