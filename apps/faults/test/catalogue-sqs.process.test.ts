import { runsCutOn } from "./catalogue.ts";

runsCutOn("sqs");
