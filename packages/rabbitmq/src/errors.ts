import { isWaybillError, toError, WaybillError } from "@waybill/core";

/** The broker's reply code on an error of amqplib's, or the system's code on one of the socket. */
function codeOf(error: Error): number | string | null {
  return "code" in error && (typeof error.code === "number" || typeof error.code === "string") ? error.code : null;
}

/** The broker refused the user or the vhost: amqplib says so in its text alone. */
export const isRefusal = ({ message }: Error): boolean => /ACCESS[-_]REFUSED|Expected ConnectionOpenOk/.test(message);

/** What amqplib says when a connection could not be opened, with the way out. */
export function connectError(thrown: unknown, address: string, user: string, vhost: string): WaybillError {
  if (isWaybillError(thrown)) return thrown;
  const cause = toError(thrown);
  const { message } = cause;
  if (message.includes("ACCESS-REFUSED") || message.includes("ACCESS_REFUSED")) {
    const text = `${address} refuses user "${user}": the password is wrong, the user is unknown, or it may not log in from here`;
    return new WaybillError("CONFIG_INVALID", text, { cause });
  }
  // amqplib does not pass on why the broker closed; at this point of the handshake it is always about the vhost.
  if (message.includes("Expected ConnectionOpenOk")) {
    const text = `${address} has no vhost "${vhost}", or user "${user}" may not use it; make it with "rabbitmqctl add_vhost", or allow it with "rabbitmqctl set_permissions"`;
    return new WaybillError("CONFIG_INVALID", text, { cause });
  }
  return unavailable(`no broker answers at ${address} (${message || String(codeOf(cause))})`, cause);
}

/** What a refused declaration means. `name` is the queue or exchange. */
export function declareError(thrown: unknown, name: string): WaybillError {
  if (isWaybillError(thrown)) return thrown;
  const cause = toError(thrown);
  const said = /message "(?<text>.*)"$/s.exec(cause.message)?.groups?.["text"] ?? cause.message;
  switch (codeOf(cause)) {
    case 406: {
      const text = `"${name}" is there with other arguments (${said}); let it run empty and delete it, use another ?prefix=, or set queueType and deliveryLimit as it was made with`;
      return new WaybillError("CONFIG_INVALID", text, { cause });
    }
    case 403: {
      const text = `the user may not use "${name}" (${said}); grant it configure, write and read with "rabbitmqctl set_permissions", or have it made by somebody who may and set ?declare=false`;
      return new WaybillError("CONFIG_INVALID", text, { cause });
    }
    case 405: {
      const text = `"${name}" belongs to one connection alone (${said}); delete that exclusive queue, or use another ?prefix=`;
      return new WaybillError("CONFIG_INVALID", text, { cause });
    }
    case 404: {
      const text = `"${name}" does not exist and is not to be made (declare is false); make it as the binding page says, or leave ?declare=false out`;
      return new WaybillError("CONFIG_INVALID", text, { cause });
    }
    default:
      return unavailable(`"${name}" could not be declared: ${said}`, cause);
  }
}

/** What ended a channel that read `name`: without permission, or beside an exclusive consumer, a new channel does no better. */
export function readError(thrown: unknown, name: string): WaybillError {
  if (isWaybillError(thrown)) return thrown;
  if (thrown === null) return unavailable(`the connection to "${name}" was lost`);
  const cause = toError(thrown);
  const code = codeOf(cause);
  if (code === 403 || code === 405) return declareError(cause, name);
  return unavailable(`the connection to "${name}" was lost (${cause.message})`, cause);
}

/** A queue or exchange that does not exist. */
export const isMissing = (thrown: unknown): boolean => codeOf(toError(thrown)) === 404;

export const unavailable = (message: string, cause?: unknown): WaybillError =>
  new WaybillError("BACKEND_UNAVAILABLE", message, { cause });

export const leaseLost = (id: string): WaybillError =>
  new WaybillError(
    "LEASE_LOST",
    `the lease on job "${id}" is no longer ours: its channel was closed, or it was settled`,
  );

export const refused = (message: string): WaybillError => new WaybillError("CAPABILITY_MISSING", message);
