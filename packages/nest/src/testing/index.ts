export type { WaybillOptions } from "../options.ts";
