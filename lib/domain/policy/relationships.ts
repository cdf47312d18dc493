import { isOutsideId } from "../terms/identifiers.ts";

/** What a trust is when nobody says. */
export const DEFAULT_RELATIONSHIP = "associate";

/** The relationship whose peers may act as owners. */
export const ADMIN_RELATIONSHIP = "admin";

/** `/trust/trustee` is no relationship but the place where the trustee is set. */
const RESERVED = new Set(["trustee"]);

/** True for what may name a relationship: an id, and not a word the paths need. */
export function isRelationship(name: string): boolean {
  return isOutsideId(name) && !RESERVED.has(name);
}
