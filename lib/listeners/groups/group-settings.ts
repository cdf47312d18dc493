/** What an owner says of a consumer group. A PUT states all of it. */
import { hash } from "node:crypto";
import * as z from "zod/mini";
import { isTypePattern, type Selection } from "../../domain/events/selection.ts";
import { isFault, parsePattern } from "../../domain/events/topic.ts";
import { canonicalJson, sameJson } from "../../domain/json/canonical-json.ts";
import { checked } from "../../http/body.ts";
import { namesTag } from "../../http/entity-tags.ts";
import { compact } from "../../system/compact.ts";
import { ServiceError } from "../../system/errors.ts";
import type { Json } from "../../system/ports.ts";

/** Settings with their defaults. Sets are sorted, so that equal settings are equal texts. */
export interface GroupSettings {
  /** Patterns as `parsePattern` returns them. */
  readonly topics: readonly string[];
  readonly types?: readonly string[];
  /** How many consumers can work side by side. */
  readonly lanes: number;
  readonly order: "key" | "strict";
  readonly leaseSeconds: number;
  readonly maxAttempts: number;
  readonly onExhausted: "park" | "stop";
}

/** What a PUT asks for. `from`: counts when the group is created. */
export interface GroupRequest {
  readonly settings: GroupSettings;
  readonly from: string;
}

/** The headers of a request that say what must be there. */
export interface Preconditions {
  readonly ifMatch?: string;
  readonly ifNoneMatch?: string;
}

const whole = (least: number, most: number) => z.int().check(z.minimum(least), z.maximum(most));
const texts = z.array(z.string()).check(z.minLength(1), z.maxLength(20));

export const groupBody = z.object({
  topics: texts,
  types: z.nullish(texts),
  from: z.nullish(z.string().check(z.minLength(1), z.maxLength(64))),
  lanes: z.nullish(whole(1, 16)),
  order: z.nullish(z.enum(["key", "strict"])),
  leaseSeconds: z.nullish(whole(1, 600)),
  maxAttempts: z.nullish(whole(1, 20)),
  onExhausted: z.nullish(z.enum(["park", "stop"])),
});

/** Reads what a PUT asks for. @throws ServiceError request.invalid which names the field */
export function readGroupRequest(value: unknown): GroupRequest {
  const given = checked(value, groupBody);
  const types = given.types ?? undefined;
  const settings: GroupSettings = {
    topics: sorted(given.topics.map(patternOf)),
    lanes: given.lanes ?? 1,
    order: given.order ?? "key",
    leaseSeconds: given.leaseSeconds ?? 30,
    maxAttempts: given.maxAttempts ?? 5,
    onExhausted: given.onExhausted ?? "park",
    ...compact({ types: types && sorted(types.map(typeOf)) }),
  };
  return { settings, from: given.from ?? "now" };
}

function patternOf(text: string): string {
  const pattern = parsePattern(text);
  if (!isFault(pattern)) return pattern;
  throw new ServiceError("request.invalid", `The pattern ${JSON.stringify(text)} ${pattern.fault}.`, {
    field: "topics",
  });
}

function typeOf(text: string): string {
  if (isTypePattern(text)) return text;
  const message = `The type ${JSON.stringify(text)} must be 1 to 128 of A-Z a-z 0-9 . _ -, or end with .*.`;
  throw new ServiceError("request.invalid", message, { field: "types" });
}

const sorted = (all: readonly string[]): readonly string[] => [...new Set(all)].toSorted();

/** Which events a group hears. */
export const selectionOf = ({ topics, types }: GroupSettings): Selection => compact({ topics, types });

/** The strong entity tag of the settings. */
export const tagOf = (settings: GroupSettings): string =>
  `"${hash("sha256", canonicalJson(settings as unknown as Json), "base64url").slice(0, 32)}"`;

/**
 * Decides a PUT on the settings that are stored, if any are.
 *
 * @throws ServiceError request.precondition_failed when a precondition does not hold; request.precondition_required when
 *   something differs and the request does not say what it was made on; resource.conflict for another number of lanes
 */
export function decideGroupPut(
  stored: GroupSettings | undefined,
  settings: GroupSettings,
  { ifMatch, ifNoneMatch }: Preconditions,
): "created" | "changed" | "same" {
  const tag = stored === undefined ? undefined : tagOf(stored);
  const failed = (message: string) => new ServiceError("request.precondition_failed", message);
  if (ifMatch !== undefined && !namesTag(ifMatch, tag, "strong")) throw failed("The group is not the one of If-Match.");
  if (ifNoneMatch !== undefined && namesTag(ifNoneMatch, tag, "weak")) {
    throw failed("The group is there already, as If-None-Match says it must not be.");
  }
  if (stored === undefined) return "created";
  const [before, after] = [stored, settings] as unknown as [Record<string, Json>, Record<string, Json>];
  const names = [...new Set([...Object.keys(before), ...Object.keys(after)])].toSorted();
  const fields = names.filter((name) => !sameJson(before[name] ?? null, after[name] ?? null));
  if (fields.length === 0) return "same";
  if (ifMatch === undefined) {
    const message = `This changes the group (${fields.join(", ")}); say by If-Match which one, with the ETag of a GET.`;
    throw new ServiceError("request.precondition_required", message, { extra: { fields } });
  }
  const fixed = fields.find((field) => field === "lanes" || field === "order");
  if (fixed === undefined) return "changed";
  const message = `A group's ${fixed} is changed by a reset: an event that is lent must not come to another lane.`;
  throw new ServiceError("resource.conflict", message, { field: fixed });
}
