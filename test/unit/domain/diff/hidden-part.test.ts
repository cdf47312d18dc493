import { describe, expect, test } from "vitest";
import { hiddenPart, isHidden, withHidden } from "../../../../lib/domain/diff/hidden-part.ts";
import { readsOf, type Reads } from "../../../../lib/domain/policy/visibility.ts";
import type { Json } from "../../../../lib/system/ports.ts";

const reads = (patterns: readonly string[], excluded_patterns: readonly string[] = [], operations = ["read"]) =>
  readsOf({ patterns, excluded_patterns, operations });

const place = ["profile"];

/** The value that a replica stores at the place after reading it, combined as the replica does. */
function stored(before: Json | undefined, read: Json | undefined, open: Reads): Json | undefined {
  if (isHidden(place, open)) return before;
  const hidden = before === undefined ? undefined : hiddenPart(before, place, open);
  return read === undefined ? hidden : withHidden(read, hidden);
}

describe("a value read from a peer that hides parts of it", () => {
  const replica: Json = { name: "N", ssn: 1, home: { street: "S", key: 7 } };

  test.each<[string, Reads, Json | undefined, Json | undefined, Json | undefined]>([
    ["nothing is hidden", reads(["*"]), replica, { name: "M" }, { name: "M" }],
    ["nothing is hidden, and it is gone", reads(["*"]), replica, undefined, undefined],
    ["all of it is hidden", reads(["*"], ["profile"]), replica, undefined, replica],
    ["all of it is hidden, whatever came", reads(["*"], ["profile"]), replica, { name: "M" }, replica],
    ["nothing may be read", reads(["*"], [], ["write"]), replica, undefined, replica],
    ["it is not among what is granted", reads(["color"]), replica, undefined, replica],
    [
      "parts are hidden",
      reads(["*"], ["profile/ssn", "profile/home/key"]),
      replica,
      { name: "M", home: { street: "T" }, age: 3 },
      { name: "M", ssn: 1, home: { street: "T", key: 7 }, age: 3 },
    ],
    ["parts are hidden, and what is seen is gone", reads(["*"], ["profile/ssn"]), replica, undefined, { ssn: 1 }],
    ["parts are hidden, of which none is stored", reads(["*"], ["profile/other"]), replica, undefined, undefined],
    ["parts are hidden, and it is an object no more", reads(["*"], ["profile/ssn"]), replica, "text", "text"],
    [
      "only a part is granted",
      reads(["profile/name"]),
      replica,
      { name: "M" },
      { name: "M", ssn: 1, home: { street: "S", key: 7 } },
    ],
    ["only a part is granted of what is no object here", reads(["profile/name"]), "text", undefined, "text"],
    ["nothing is stored", reads(["*"], ["profile/ssn"]), undefined, { name: "M" }, { name: "M" }],
    ["it is no object here", reads(["*"], ["profile/ssn"]), "text", { name: "M" }, { name: "M" }],
  ])("keeps what is stored there: %s", (_, open, before, read, after) => {
    expect(stored(before, read, open)).toEqual(after);
  });

  test("keeps keys such as __proto__ as keys", () => {
    const open = reads(["*"], ["profile/__proto__"]);
    const before = JSON.parse('{"__proto__": {"a": 1}, "b": 2}') as Json;
    expect(JSON.stringify(stored(before, { b: 3 }, open))).toBe('{"b":3,"__proto__":{"a":1}}');
  });
});
