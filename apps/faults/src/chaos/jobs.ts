import { defineJob } from "@waybill/core";
import { z } from "zod";
import { behaviours } from "./behaviour.ts";

export const act = defineJob({
  type: "chaos.act",
  payload: z.object({ behaviour: z.enum(behaviours), ms: z.number() }),
});
