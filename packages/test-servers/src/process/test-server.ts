/** A real server that a test started, bound to 127.0.0.1, with its data in a folder of its own. */
export interface TestServer {
  /** "redis", "rabbitmq", … */
  readonly name: string;
  /** What `connect` takes: scheme, user, password, port. The same after `restart`. */
  readonly url: string;
  readonly port: number;
  /** The process id; another one after `restart`. */
  readonly pid: number;
  /** Stops the server and removes its data. Idempotent; works on a frozen server. */
  stop(): Promise<void>;
  /** Kills the server and its children (SIGKILL). The data stays for `restart`. */
  kill(): Promise<void>;
  /** Freezes the server and its children (SIGSTOP): connections stay open and get no response. */
  freeze(): void;
  thaw(): void;
  /** Starts the server again on the same port and data. Stops a running one first, and thaws a frozen one. */
  restart(): Promise<void>;
}
