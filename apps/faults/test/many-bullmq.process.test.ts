import { takesMany } from "./many.ts";

takesMany("bullmq");
