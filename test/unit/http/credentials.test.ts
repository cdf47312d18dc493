import { describe, expect, it } from "vitest";
import { bearerOf, parseCredentials } from "../../../lib/http/credentials.ts";

const base64 = (text: string): string => Buffer.from(text).toString("base64");

describe("credentials", () => {
  it("reads Basic with colons in the passphrase and any case of the scheme", () => {
    expect(parseCredentials(`bASIC ${base64("alice@x:a:b:ü")}`)).toEqual({
      scheme: "basic",
      user: "alice@x",
      passphrase: "a:b:ü",
    });
  });

  it("reads a bearer", () => {
    expect(bearerOf("Bearer abc")).toBe("abc");
    expect(bearerOf("  bearer   abc  ")).toBe("abc");
  });

  it.each([undefined, "", "Bearer", "Bearer ", "Bearer a b", "Digest x", `Basic ${base64("nocolon")}`, "abc"])(
    "finds none in %j",
    (header) => {
      expect(parseCredentials(header)).toEqual({ scheme: "none" });
    },
  );
});
