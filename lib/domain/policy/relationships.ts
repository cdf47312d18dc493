/** Relationships of trusts. */
import { isOutsideId } from "../terms/identifiers.ts";

/** The relationship of a trust when the request names none. */
export const DEFAULT_RELATIONSHIP = "associate";

/** The relationship whose peers may act as the owner. */
export const ADMIN_RELATIONSHIP = "admin";

/** `/trust/trustee` is the route that sets the trustee, so no relationship can have this name. */
const RESERVED = new Set(["trustee"]);

/** True for a text that can name a relationship: an id that no route reserves. */
export function isRelationship(name: string): boolean {
  return isOutsideId(name) && !RESERVED.has(name);
}
