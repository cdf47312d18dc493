/** Events made of callbacks, as they arrive and as they were buffered. */
import { compact } from "../../system/compact.ts";
import { parseCallbackBody, type ParsedCallback } from "../../domain/wire/callback-body.ts";
import { checkScope, fitsScope } from "../../domain/wire/callback-scope.ts";
import type { DiffContent } from "../../domain/diff/diff-content.ts";
import { isObject, parseJson } from "../../domain/json/json.ts";
import type { StreamRef } from "../../domain/terms/refs.ts";
import { placeOf, type Place } from "../../domain/terms/scope.ts";
import { any, differs, equals, exists, missing, type Condition, type Item } from "../../dynamodb/table.ts";
import { decodeBody } from "../../http/decode-body.ts";
import type { Head } from "../stream/head.ts";
import type { StreamEvent } from "../stream/stream-event.ts";

/** A callback's body as it was sent: at most 256 KB, still encoded. */
export interface SentBody {
  readonly body: Uint8Array;
  readonly encoding?: string;
}

/** What a callback stands for. A resync becomes a `part` whose place follows from its subscription's scope. */
export type CallbackEvent = StreamEvent & { readonly parsed: ParsedCallback };

/** Decodes and reads a callback's body. @throws ServiceError naming what is wrong with it */
export function readCallback(sent: SentBody, path: StreamRef): CallbackEvent {
  const parsed = parseCallbackBody(parseJson(decodeBody(sent.body, sent.encoding)), path);
  const common = { ...compact({ sequence: parsed.sequence, timestamp: parsed.timestamp }), parsed, sent };
  switch (parsed.kind) {
    case "high": {
      const { data, overwritten } = parsed;
      return { ...common, kind: "diff", content: compact({ data, overwritten }) };
    }
    case "low":
      return { ...common, kind: "low", url: parsed.url };
    case "resync": {
      const { url, data } = parsed;
      const content = url !== undefined || data === undefined ? undefined : { data };
      return { ...common, kind: "part", ...compact({ url, content }) };
    }
  }
}

/** The event that is buffered; undefined when it has no content that can be applied as a number of its own. */
export function bufferedEvent(item: Item, head: Head): StreamEvent | undefined {
  const body = item["body"];
  if (!(body instanceof Uint8Array)) return undefined;
  const encoding = item["encoding"];
  const sent = compact({ body, encoding: typeof encoding === "string" ? encoding : undefined });
  const event = readCallback(sent, head);
  if (event.kind !== "part") return event;
  // A resync of the whole scope is a recovery, which no buffered number stands for.
  const { narrower, place } = checkScope(event.parsed, head.scope);
  return narrower ? { ...event, place } : undefined;
}

/** What a head must be for a callback to fit its subscription; `checkScope` says why one does not. */
export function scopeDemands(parsed: ParsedCallback): readonly Condition[] {
  const target = parsed.target === undefined ? [] : [equals("target", parsed.target)];
  // A resync may name a part of the scope; its caller has compared the two.
  if (parsed.kind === "resync") return target;
  return [
    ...target,
    ...partDemands("subtarget", parsed.subtarget),
    ...partDemands("resource", parsed.resource),
    ...(parsed.kind === "high" ? dataDemands(parsed) : []),
  ];
}

function partDemands(name: "subtarget" | "resource", said: string | null | undefined): readonly Condition[] {
  if (said === undefined) return [];
  return [said === null ? missing(name) : equals(name, said)];
}

/** Data that is not that of a whole target demands a subscription on less. */
function dataDemands(content: DiffContent): readonly Condition[] {
  if (!fitsScope(content, { target: "" })) return [exists("subtarget")];
  const anywhere = fitsScope(content, { target: "properties" });
  return anywhere ? [] : [any(exists("subtarget"), differs("target", "properties"))];
}

/** The scope that a callback says its subscription has; undefined when nothing can be read ahead for it. */
export function placeSaid(event: StreamEvent | undefined): Place | undefined {
  const parsed = event?.parsed;
  if (parsed?.kind !== "high" || (parsed.target !== undefined && parsed.target !== "properties")) return undefined;
  const { subtarget, resource } = parsed;
  if (subtarget === undefined || subtarget === null) return isObject(parsed.data) ? [] : undefined;
  return placeOf(compact({ target: "properties", subtarget, resource: resource ?? undefined }));
}
