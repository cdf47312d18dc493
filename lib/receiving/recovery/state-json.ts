import { samePlace, type Place } from "../../domain/terms/scope.ts";
import type { Json } from "../../system/ports.ts";
import type { StatePart } from "../../peers/publisher.ts";

/** The state that read parts make up, relative to the scope: what a hook gets for a `resync`. Lists are arrays. */
export function stateJson(scope: Place, parts: readonly StatePart[]): Json {
  const content = (part: StatePart): Json => (part.kind === "list" ? (part.items ?? []) : (part.value ?? null));
  const whole = parts.find((part) => samePlace(part.place, scope));
  if (whole !== undefined) return content(whole);
  if (scope.length > 0) return null;
  return Object.fromEntries(parts.map((part) => [part.place[0] ?? "", content(part)]));
}
