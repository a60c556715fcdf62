import { open } from "node:fs/promises";
import { EnvelopeError, toError } from "@waybill/core";
import { decodeBody } from "@waybill/core/backend";
import { errorCode } from "@waybill/core/endpoint";
import { UsageError } from "../exit.ts";

/** The most bytes that are read, which is enough for a batch. */
const MOST_BYTES = 16 * 2 ** 20;

/**
 * Reads a file, or standard input for "-". Rejects `EnvelopeError` for input that is too large or not UTF-8, `UsageError` for
 * a file that cannot be read.
 */
export async function readInput(file: string): Promise<string> {
  const bytes = await (file === "-" ? bytesOf(process.stdin) : bytesOfFile(file));
  if (bytes === null) {
    const message = `the input is over ${MOST_BYTES} bytes and was not read further; an envelope has 1,048,576 at most`;
    throw new EnvelopeError("BODY_TOO_LARGE", "", message);
  }
  return decodeBody(bytes);
}

async function bytesOfFile(file: string): Promise<Buffer | null> {
  try {
    const opened = await open(file);
    return await bytesOf(opened.createReadStream());
  } catch (thrown) {
    const remedy = errorCode(thrown) === "EISDIR" ? "; name a file, or - for standard input" : "";
    throw new UsageError(`${file} cannot be read: ${toError(thrown).message}${remedy}`, { cause: thrown });
  }
}

/** Returns null if there are more than `MOST_BYTES`. */
async function bytesOf(stream: AsyncIterable<Buffer | string>): Promise<Buffer | null> {
  const chunks: Buffer[] = [];
  let read = 0;
  for await (const chunk of stream) {
    read += chunk.length;
    if (read > MOST_BYTES) return null;
    chunks.push(Buffer.from(chunk));
  }
  return Buffer.concat(chunks);
}
