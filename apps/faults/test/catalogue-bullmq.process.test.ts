import { runsCutOn } from "./catalogue.ts";

runsCutOn("bullmq");
