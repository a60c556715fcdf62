import { execFile } from "node:child_process";
import { fileURLToPath } from "node:url";
import { promisify } from "node:util";
import { isRoot } from "../process/data-folder.ts";
import { missingPrograms, type Service, type ServiceName, services } from "./services.ts";

export interface FoundService {
  readonly url: string;
  /** How it was found, to be printed: "WAYBILL_TEST_REDIS_URL", "port 6379", "docker compose", "Debian packages". */
  readonly by: string;
  /** Stops the service if it was started here. */
  stop(): Promise<void>;
}

const FOLDER = fileURLToPath(new URL("../../../..", import.meta.url));
const nothingToStop = async (): Promise<void> => {};

/**
 * Finds a running service: by the environment, on its usual port, from compose.yaml, or from the Debian packages on a private
 * port, in this order. Rejects with what to do when there is none.
 */
export async function findService(name: ServiceName): Promise<FoundService> {
  const service = services[name];
  const given = process.env[service.variable];
  if (given) return { url: given, by: service.variable, stop: nothingToStop };
  if (await service.respondsAt(service.usualPort)) return atUsualPort(service, `port ${service.usualPort}`);
  if (await composeStarts(service)) return atUsualPort(service, "docker compose");
  const missing = missingPrograms(service);
  if (missing.length === 0 && (isRoot() || service.debianPackages.length === 0)) return startPrivate(service);
  throw new Error(whatToDo(name, service, missing));
}

function atUsualPort(service: Service, by: string): FoundService {
  return { url: service.url(service.usualPort), by, stop: nothingToStop };
}

async function startPrivate(service: Service): Promise<FoundService> {
  const server = await service.start(0);
  return { url: server.url, by: "Debian packages", stop: () => server.stop() };
}

async function composeStarts({ container }: Service): Promise<boolean> {
  if (container === null) return false;
  const compose = ["compose", "up", "--detach", "--wait", container];
  return promisify(execFile)("docker", compose, { cwd: FOLDER, timeout: 120_000 }).then(
    () => true,
    // No Docker, no permission or no image: look elsewhere.
    () => false,
  );
}

function whatToDo(name: ServiceName, service: Service, missing: readonly string[]): string {
  const why = missing.length > 0 ? `${missing.join(", ")} not found` : "its packages only start as root";
  return [
    `${name} is needed and there is none (${why}). One of these helps:`,
    `  ${service.variable}=${service.url(service.usualPort)} npm test   a running one, where it listens`,
    `  docker compose up --detach --wait ${service.container}   from compose.yaml`,
    `  sudo npm run needs   ${service.debianPackages.join(" ")}, then tests as root`,
  ].join("\n");
}
