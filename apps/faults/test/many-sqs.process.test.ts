import { takesMany } from "./many.ts";

takesMany("sqs");
