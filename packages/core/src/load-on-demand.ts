// Parts of a connection that most producers do without: each is loaded when an option asks for it, so that a bundle of a
// producer that does not has it in a chunk of its own.
import type { Backend } from "./backend.ts";
import type { ProducerOptions } from "./producer-options.ts";
import { doctorOf } from "./doctor.ts";
import type { EventBus } from "./events.ts";
import type { LogOption, LogSink } from "./log.ts";
import type { ProducerSettings } from "./producer.ts";
import type { KeyRing } from "./signing.ts";

export async function logger(events: EventBus, option: LogOption = "stdout"): Promise<Pick<LogSink, "flush">> {
  return option === "off" ? { flush: async () => {} } : (await import("./log.ts")).logTo(events, option);
}

export async function signer(
  secrets: ProducerOptions["keys"],
): Promise<{ keys: KeyRing | null } & Pick<ProducerSettings, "sign">> {
  if (secrets === undefined) return { keys: null, sign: null };
  const { keyRing, signatureFor } = await import("./signing.ts");
  const keys = keyRing(secrets);
  return { keys, sign: (id, body) => signatureFor(keys, id, body) };
}

/** What of a backend is insisted on once it is open. Throws `CAPABILITY_MISSING` or `CONFIG_INVALID` for another one. */
export async function backendJudge({
  services,
  require: required,
}: Pick<ProducerOptions, "services" | "require">): Promise<(backend: Backend) => void> {
  const version = services && (await import("./server-version.ts"));
  const requirement = required && (await import("./requirement.ts"));
  return (backend) => {
    version?.demandVersion(services ?? {}, doctorOf(backend)?.server ?? null);
    requirement?.insistOn(
      required ?? [],
      requirement.offersOf(backend.capabilities),
      `the backend at ${backend.address}`,
    );
  };
}
