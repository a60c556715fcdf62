import { standsStill } from "./zombies.ts";

standsStill("sqlite");
