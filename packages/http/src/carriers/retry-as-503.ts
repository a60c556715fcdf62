import type { PushResponse } from "../push/push-response.ts";

/** Maps 408 and 429 to 503, for carriers that do not deliver again after a 4xx. */
export function retryAs503(response: PushResponse): PushResponse {
  return response.status === 408 || response.status === 429 ? { ...response, status: 503 } : response;
}
