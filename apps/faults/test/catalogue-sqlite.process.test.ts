import { runsCutOn } from "./catalogue.ts";

runsCutOn("sqlite");
