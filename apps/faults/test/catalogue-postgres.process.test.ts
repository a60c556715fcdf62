import { runsCutOn } from "./catalogue.ts";

runsCutOn("postgres");
