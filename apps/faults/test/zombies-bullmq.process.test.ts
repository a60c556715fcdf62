import { standsStill } from "./zombies.ts";

standsStill("bullmq");
