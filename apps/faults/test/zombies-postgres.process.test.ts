import { standsStill } from "./zombies.ts";

standsStill("postgres");
