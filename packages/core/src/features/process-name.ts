import { hostname } from "node:os";

/** Names this process to people: "process 4711 on web-1". */
export const thisProcess = (): string => `process ${process.pid} on ${hostname()}`;
