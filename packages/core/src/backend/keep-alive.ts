/**
 * Idle sockets of our backends do not keep a process alive, so a script that does not call `close` still ends. A call keeps
 * the process alive until it has returned, and a worker until it has stopped.
 */
let keepers = 0;
let timer: NodeJS.Timeout | null = null;
/** The longest that a Node timer waits. */
const LONGEST_MS = 2 ** 31 - 1;

/** Keeps the process alive until the returned function is called. A second call of it does nothing. */
export function keepAlive(): () => void {
  keepers += 1;
  timer ??= setInterval(() => undefined, LONGEST_MS);
  let isOver = false;
  return () => {
    if (isOver) return;
    isOver = true;
    keepers -= 1;
    if (keepers > 0 || timer === null) return;
    clearInterval(timer);
    timer = null;
  };
}

/** Settles as `work` does. Keeps the process alive until then. */
export function keptAlive<T>(work: Promise<T>): Promise<T> {
  return work.finally(keepAlive());
}
