import { readFileSync } from "node:fs";

/** One recorded HTTP exchange. A is the publishing side, B the subscribing one; `client` is a person's tool. */
export interface Exchange {
  /** Its place in the record. */
  index: number;
  label: string;
  to: "A" | "B";
  from: "client" | "peer";
  method: string;
  path: string;
  query: string;
  requestHeaders: Record<string, string>;
  requestBody: string;
  status: number;
  responseHeaders: Record<string, string>;
  responseBody: string;
}

/** Where A and B were when they were recorded. */
export const RECORDED_HOSTS = { A: "http://127.0.0.1:5701", B: "http://127.0.0.1:5702" } as const;

/** The whole record, in order. */
export function recordedExchanges(): Exchange[] {
  const text = readFileSync(new URL("./exchanges.jsonl", import.meta.url), "utf8");
  const lines = text.split("\n").filter((line) => line !== "");
  return lines.map((line, index) => ({ ...(JSON.parse(line) as Omit<Exchange, "index">), index }));
}
