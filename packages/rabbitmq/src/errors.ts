import { isWaybillError, toError, WaybillError } from "@waybill/core";
import { closedAtOpening, configInvalid, tlsFault, type TlsRemedies } from "@waybill/core/backend";

export const invalid = (message: string): WaybillError => configInvalid(`rabbitmq: ${message}`);

export const unavailable = (message: string, cause?: unknown): WaybillError =>
  new WaybillError("BACKEND_UNAVAILABLE", message, { cause });

/** Settles as `work` does, or rejects BACKEND_UNAVAILABLE with the text of `late` at `until`, in monotonic milliseconds. */
export async function within<T>(work: Promise<T>, until: number, late: () => string): Promise<T> {
  let timer: NodeJS.Timeout | undefined;
  const timeout = new Promise<never>((_, reject) => {
    timer = setTimeout(() => reject(unavailable(late())), Math.max(0, until - performance.now()));
  });
  return Promise.race([work, timeout]).finally(() => clearTimeout(timer));
}

/** Returns the broker's reply code of an error of amqplib, or the system's code of a socket error. */
function codeOf(error: Error): number | string | null {
  return "code" in error && (typeof error.code === "number" || typeof error.code === "string") ? error.code : null;
}

const USER_REFUSED = /ACCESS[-_]REFUSED/;
/** What amqplib says when the broker closes the connection at this step, which it does only because of the vhost. */
const VHOST_REFUSED = /Expected ConnectionOpenOk/;

/** Whether the broker refused the user or the vhost. */
export const isRefusal = ({ message }: Error): boolean => USER_REFUSED.test(message) || VHOST_REFUSED.test(message);

const TLS: TlsRemedies = {
  authority: "?cacertfile=/path/to/ca.pem",
  unverified: "encrypt without verifying it: ?verify=verify_none",
  otherName: "name the host that you expect: ?server_name_indication=broker.example",
  client: "?certfile=/path/to/client.pem&keyfile=/path/to/client.key",
  encrypted: 'begin the URL with "amqps://", and name its port, usually 5671',
  plain: 'begin the URL with "amqp://"',
};

/** Returns the error of a connection that could not be opened. `user`: null for the one whom the client certificate names. */
export function connectError(thrown: unknown, address: string, user: string | null, vhost: string): WaybillError {
  if (isWaybillError(thrown)) return thrown;
  const cause = toError(thrown);
  const { message } = cause;
  if (USER_REFUSED.test(message)) {
    if (user === null) {
      const why =
        "no user has the name that it carries, or rabbitmq_auth_mechanism_ssl is not enabled, or ssl_options.verify is not verify_peer; the broker's log says which";
      return configInvalid(`${address} refuses the client certificate; ${why}`, cause);
    }
    const why = "the password is wrong, the user is unknown, or it may not log in from this machine; correct the URL";
    return configInvalid(`${address} refuses user "${user}": ${why}`, cause);
  }
  const fault = tlsFault(cause, TLS);
  if (fault !== null) return configInvalid(`${address}: ${fault}`, cause);
  if (VHOST_REFUSED.test(message)) {
    const remedy = 'create it with "rabbitmqctl add_vhost", or grant access with "rabbitmqctl set_permissions"';
    return configInvalid(
      `${address} has no vhost "${vhost}", or ${user === null ? "the user of the client certificate" : `user "${user}"`} may not use it; ${remedy}`,
      cause,
    );
  }
  const closed = closedAtOpening(cause, address.startsWith("amqps:"), TLS);
  const remedy = closed === "" ? "; start it, or correct the URL" : closed;
  return unavailable(`no broker answers at ${address} (${message || String(codeOf(cause))})${remedy}`, cause);
}

/** Returns the error of a refused declaration. `name` is the queue or exchange. */
export function declareError(thrown: unknown, name: string): WaybillError {
  if (isWaybillError(thrown)) return thrown;
  const cause = toError(thrown);
  const reason = /message "(?<text>.*)"$/s.exec(cause.message)?.groups?.["text"] ?? cause.message;
  const code = codeOf(cause);
  const remedy = typeof code === "number" ? REFUSALS[code] : undefined;
  if (remedy === undefined) return unavailable(`"${name}" could not be declared: ${reason}`, cause);
  return configInvalid(
    remedy.replace("NAME", () => `"${name}"`).replace("REASON", () => reason),
    cause,
  );
}

/** By AMQP reply code. */
const REFUSALS: Readonly<Record<number, string>> = {
  403: 'the user may not use NAME (REASON); grant it configure, write and read with "rabbitmqctl set_permissions", or let an administrator declare it and set ?declare=false',
  404: "NAME does not exist, and declare is false; declare it as the binding page says, or remove ?declare=false",
  405: "NAME belongs to another connection alone (REASON); delete that exclusive queue, or use another ?prefix=",
  406: "NAME exists with other arguments (REASON); let it run empty and delete it, use another ?prefix=, or set queueType and deliveryLimit to the values that it was declared with",
};

/** Returns the error of a consumer that ended: CONFIG_INVALID when a new one would be refused as well. */
export function readError(thrown: unknown, name: string): WaybillError {
  if (isWaybillError(thrown)) return thrown;
  if (thrown === null) return unavailable(`the connection to "${name}" was lost`);
  const cause = toError(thrown);
  const code = codeOf(cause);
  if (code === 403 || code === 405) return declareError(cause, name);
  return unavailable(`the connection to "${name}" was lost (${cause.message})`, cause);
}

/** Whether the broker replied that a queue or exchange does not exist. */
export const isMissing = (thrown: unknown): boolean => codeOf(toError(thrown)) === 404;
