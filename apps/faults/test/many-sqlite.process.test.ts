import { takesMany } from "./many.ts";

takesMany("sqlite");
