/** A real server of our own, bound to 127.0.0.1, with its data in a folder of its own. */
export interface TestServer {
  /** "redis", "rabbitmq", … */
  readonly name: string;
  /** What `connect` takes: scheme, user, password, port. The same after `restart`. */
  readonly url: string;
  readonly port: number;
  /** Of the running process; another one after `restart`. */
  readonly pid: number;
  /** Asks it to end, waits, and removes its data. Idempotent, and works on a frozen server. */
  stop(): Promise<void>;
  /** Ends it as a power cut would (SIGKILL, children too). The data stays for `restart`. */
  kill(): Promise<void>;
  /** Stops it in its tracks (SIGSTOP, children too): connections stay open and nothing answers. */
  freeze(): void;
  thaw(): void;
  /** Starts it again on the same port and data; a running one is asked to end first, a frozen one is thawed. */
  restart(): Promise<void>;
}
