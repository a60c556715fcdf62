import { standsStill } from "./zombies.ts";

standsStill("sqs");
