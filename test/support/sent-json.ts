import { parseText } from "../../lib/domain/json/json-text.ts";
import type { Json, PeerRequest } from "../../lib/system/ports.ts";

/** The request with its body as `json` too, in whichever form it was given: for peers that only want to read it. */
export function withJson(request: PeerRequest): PeerRequest {
  const { jsonText } = request;
  return jsonText === undefined ? request : { ...request, json: parseText(jsonText) as Json };
}
