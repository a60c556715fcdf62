import { takesMany } from "./many.ts";

takesMany("rabbitmq");
