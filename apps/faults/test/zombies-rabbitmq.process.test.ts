import { standsStill } from "./zombies.ts";

standsStill("rabbitmq");
