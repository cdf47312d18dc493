/** Events made of callbacks, as they arrive and as they were buffered. */
import { compact } from "../../system/compact.ts";
import { parseCallbackBody } from "../../domain/wire/callback-body.ts";
import type { StreamRef } from "../../domain/terms/refs.ts";
import type { ParsedCallback } from "../../domain/wire/callback-body.ts";
import { checkScope } from "../../domain/wire/callback-scope.ts";
import { parseJson } from "../../domain/json/json.ts";
import type { Scope } from "../../domain/terms/scope.ts";
import type { Item } from "../../dynamodb/table.ts";
import { decodeBody } from "../../http/decode-body.ts";
import type { Head } from "../stream/head.ts";
import type { StreamEvent } from "../stream/stream-event.ts";

/** A callback's body as it was sent: at most 256 KB, still encoded. */
export interface SentBody {
  readonly body: Uint8Array;
  readonly encoding?: string;
}

/** Decodes and reads a callback's body. @throws ServiceError naming what is wrong with it */
export function readCallback(sent: SentBody, path: StreamRef): ParsedCallback {
  return parseCallbackBody(parseJson(decodeBody(sent.body, sent.encoding)), path);
}

/** The event a callback stands for. A resync is one only when it is narrower than the subscription's scope. */
export function eventOf(parsed: ParsedCallback, sent: SentBody, scope?: Scope): StreamEvent | undefined {
  const common = compact({ sequence: parsed.sequence, timestamp: parsed.timestamp, parsed, sent });
  if (parsed.kind === "high") {
    const { data, overwritten } = parsed;
    return { ...common, kind: "diff", content: compact({ data, overwritten }) };
  }
  if (parsed.kind === "low") return { ...common, kind: "low", url: parsed.url };
  if (scope === undefined) return undefined;
  const answer = checkScope(parsed, scope);
  if (!answer.narrower) return undefined;
  const { url, data } = parsed;
  return {
    ...common,
    kind: "part",
    place: answer.place,
    ...(url === undefined ? {} : { url }),
    ...(url !== undefined || data === undefined ? {} : { content: { data } }),
  };
}

/** The event that is buffered; undefined when it has no content that can be applied as a number of its own. */
export function bufferedEvent(item: Item, head: Head): StreamEvent | undefined {
  const body = item["body"];
  if (!(body instanceof Uint8Array)) return undefined;
  const encoding = item["encoding"];
  const sent = { body, ...(typeof encoding === "string" ? { encoding } : {}) };
  return eventOf(readCallback(sent, head), sent, head.scope);
}
