import { takesMany } from "./many.ts";

takesMany("postgres");
