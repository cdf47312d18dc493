import type { Json, PeerRequest } from "../../lib/ports.ts";

/** The request with its body as `json`, in whichever form it was given: for peers that only want to read it. */
export function withJson(request: PeerRequest): PeerRequest {
  const { jsonText, ...rest } = request;
  return jsonText === undefined ? rest : { ...rest, json: JSON.parse(jsonText) as Json };
}
