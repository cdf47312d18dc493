import { request } from "node:http";
import { noteExchange } from "../support/openapi/exchanges.ts";

export interface RawRequest {
  method: string;
  /** The request target as it goes over the wire: nothing is normalised. */
  path: string;
  headers: Record<string, string>;
  body?: Uint8Array;
  timeoutMs: number;
}

export interface RawAnswer {
  /** 0 when the connection broke without an answer; -1 when there was none in time. */
  status: number;
  headers: Record<string, string | string[] | undefined>;
  text: string;
}

/** One request whose path and headers go out as they are. Never throws. */
export function rawRequest(url: string, { method, path, headers, body, timeoutMs }: RawRequest): Promise<RawAnswer> {
  const { hostname, port } = new URL(url);
  return new Promise((resolve) => {
    const nothing = (status: number) => resolve({ status, headers: {}, text: "" });
    // Without the length Node would send a DELETE's body as if it were the next request.
    const framed = body === undefined ? headers : { ...headers, "content-length": String(body.length) };
    const sent = request({ hostname, port, method, path, headers: framed, agent: false }, (response) => {
      const chunks: Buffer[] = [];
      response.on("data", (chunk: Buffer) => chunks.push(chunk));
      response.on("error", () => nothing(0));
      response.on("end", () => {
        const text = Buffer.concat(chunks).toString();
        const { statusCode: status = 0, headers: answered } = response;
        noteExchange({
          ...{
            method,
            url: url + path.replaceAll("#", "%23"),
            headers: lowerCaseNames(headers),
            status,
            answer: text,
            odd: true,
          },
          answerHeaders: lowerCaseNames(answered),
          ...(body === undefined ? {} : { body }),
        });
        resolve({ status, headers: answered, text });
      });
    });
    sent.setTimeout(timeoutMs, () => {
      nothing(-1);
      sent.destroy();
    });
    sent.on("error", () => nothing(0));
    sent.end(body);
  });
}

const lowerCaseNames = (headers: Readonly<Record<string, string | string[] | undefined>>): Record<string, string> =>
  Object.fromEntries(Object.entries(headers).map(([name, value]) => [name.toLowerCase(), String(value)]));
