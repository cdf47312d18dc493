import fc from "fast-check";
import { describe, expect, it } from "vitest";
import { withoutSecrets } from "../../../../lib/listeners/webhooks/redaction.ts";

describe("an answer without secrets", () => {
  it.each([
    ["nothing of it", "nothing of it", ["hushhush"]],
    ["a hushhush b hushhush", "a [hidden] b [hidden]", ["hushhush"]],
    ['{"a":"say \\"x\\""}', '{"a":"[hidden]"}', ['say "x"']],
    ["whsec_ab\\/c", "[hidden]", ["whsec_ab/c"]],
    ["cut off: hushhu", "cut off: [hidden]", ["hushhush"]],
    ["hush1 hush12", "[hidden] [hidden]", ["hush1", "hush12"]],
    ["yes 1", "yes 1", ["1", "yes"]],
  ])("%s becomes %s", (text, expected, secrets) => {
    expect(withoutSecrets(text, secrets)).toBe(expected);
  });

  it("holds no secret, wherever it was cut off", () => {
    const secret = "0123456789";
    fc.assert(
      fc.property(fc.array(fc.constantFrom(secret, "a", " 01")), fc.nat(60), (parts, length) => {
        const text = withoutSecrets(parts.join("").slice(0, length), [secret]);
        expect(text).not.toContain("0123");
      }),
    );
  });
});
