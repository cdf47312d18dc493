import { expect, it } from "vitest";
import { namesTag } from "../../../lib/http/entity-tags.ts";

it.each([
  ['"a"', '"a"', true, true],
  ['W/"a"', '"a"', false, true],
  ['"b", W/"c" ,"a"', '"a"', true, true],
  ['"a,b"', '"a,b"', true, true],
  ['"a,b"', '"b"', false, false],
  ["*", '"a"', true, true],
  ["*", undefined, false, false],
  ['"a"', undefined, false, false],
  ["a", '"a"', false, false],
  ["", '"a"', false, false],
])("the list %s names %s: strongly %s, weakly %s", (list, tag, strongly, weakly) => {
  expect([namesTag(list, tag, "strong"), namesTag(list, tag, "weak")]).toEqual([strongly, weakly]);
});
