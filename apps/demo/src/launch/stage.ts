import { join } from "node:path";
import { connect, errorMessage } from "@waybill/core";
import type { TestServer } from "@waybill/test-servers";
import { type Settings, whereJobsWait } from "../settings.ts";
import { type Place, places, type PlaceView, type RunBy, type StageView, type Wish } from "../stage.ts";
import { type Demo, type DemoOptions, startDemo } from "./demo.ts";
import { openServers } from "./servers.ts";

const LABELS: Record<Place, string> = {
  sqlite: "SQLite",
  postgres: "PostgreSQL",
  redis: "Redis",
  rabbitmq: "RabbitMQ",
  sqs: "SQS",
};

/** Where the jobs wait, and which process takes them from there. */
interface Run {
  readonly place: Place;
  readonly by: RunBy;
}

/** Runs the demo and grants the wishes of its page: another URL, another process that takes the jobs, a server that stops. */
export async function openStage(settings: Settings, by: RunBy, options: Omit<DemoOptions, "onWish">): Promise<Demo> {
  const servers = openServers();
  const home = placeOf(settings.backendUrl);
  let now: Run = { place: home, by };
  let { port } = settings;
  let state: Pick<StageView, "busy" | "problem" | "server"> = { busy: null, problem: null, server: null };
  let views: readonly PlaceView[] = [];
  let isStopping = false;
  let demo = await start(now);
  port = Number(new URL(demo.address).port);
  let work = look();

  async function start(run: Run): Promise<Demo> {
    return startDemo({ ...(await settingsOf(run.place)), port }, run.by, { ...options, onWish });
  }

  /** Each place has a data folder of its own, because its jobs name files there. */
  async function settingsOf(place: Place): Promise<Settings> {
    if (place === home) return settings;
    const folder = join(settings.folder, "on", place);
    const url = place === "sqlite" ? `sqlite:${join(folder, "waybill.db")}` : await servers.url(place);
    return { ...settings, ...whereJobsWait(folder, url) };
  }

  function onWish(wish: Wish): void {
    if (wish.do === "kill") return demo.killWorker();
    if (state.busy !== null || isStopping) return;
    work = grant(wish)
      .then(() => show({ busy: null, problem: null }))
      .catch((error: unknown) => show({ busy: null, problem: errorMessage(error) }))
      .then(look);
  }

  async function grant(wish: Exclude<Wish, { do: "kill" }>): Promise<void> {
    if (wish.do === "move") return change({ ...now, place: wish.place }, `Moving to ${LABELS[wish.place]}`);
    if (wish.do === "run") return change({ ...now, by: wish.by }, `Starting the ${wish.by}`);
    const server = ownServer();
    if (wish.do === "stop-server") {
      await server?.kill();
      return show({ server: "stopped" });
    }
    show({ busy: `Starting ${LABELS[now.place]}` });
    await server?.restart();
    show({ server: "running" });
  }

  async function change(next: Run, busy: string): Promise<void> {
    show({ busy });
    // Rejects with what to do, while the old processes still run.
    const { backendUrl } = await settingsOf(next.place);
    await (await connect(backendUrl, { log: "off" })).close();
    await demo.stop();
    if (isStopping) return;
    const before = now;
    now = next;
    try {
      demo = await start(next);
    } catch (error) {
      now = before;
      demo = await start(before);
      throw error;
    } finally {
      show({ server: ownServer() ? "running" : null });
    }
  }

  const ownServer = (): TestServer | undefined =>
    now.place === "sqlite" || now.place === home ? undefined : servers.own(now.place);

  function show(changed: Partial<typeof state>): void {
    state = { ...state, ...changed };
    demo.show({ ...now, ...state, places: views });
  }

  async function look(): Promise<void> {
    const view = async (name: Place): Promise<PlaceView> => {
      const isHere = name === "sqlite" || name === home || name === now.place;
      return { name, label: LABELS[name], state: isHere ? "running" : await servers.state(name) };
    };
    views = await Promise.all(places.map(view));
    show({});
  }

  return {
    get address() {
      return demo.address;
    },
    killWorker: () => demo.killWorker(),
    show: (view) => demo.show(view),
    async stop() {
      isStopping = true;
      await work;
      await demo.stop();
      await servers.stop();
    },
    destroy: () => demo.destroy(),
  };
}

function placeOf(url: string): Place {
  const scheme = url.slice(0, url.indexOf(":")).replace(/(?<=redis|bullmq|amqp)s$/, "");
  const others: Record<string, Place> = { bullmq: "redis", amqp: "rabbitmq", postgresql: "postgres" };
  return places.find((place) => place === scheme) ?? others[scheme] ?? "sqlite";
}
