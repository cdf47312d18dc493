import * as crypto from "node:crypto";
import { describe, expect, it, vi } from "vitest";
import { PassphraseVerifier, estimateBits, hashChosen, hashMinted } from "../../../lib/actors/passphrase.ts";

vi.mock("node:crypto", async (importActual) => {
  const actual = await importActual<typeof crypto>();
  return { ...actual, scrypt: vi.fn(actual.scrypt) };
});

describe("passphrases", () => {
  it("verifies what was hashed, and nothing else", async () => {
    for (const stored of [await hashChosen("correct horse"), hashMinted("correct horse")]) {
      const verifier = new PassphraseVerifier();
      expect(await verifier.verify("correct horsf", stored)).toBe(false);
      expect(await verifier.verify("correct horse", stored)).toBe(true);
      expect(await verifier.verify("correct horsf", stored)).toBe(false);
      expect(await verifier.verify("", stored)).toBe(false);
    }
  });

  it("salts: the same passphrase gives another hash, which does not contain it", async () => {
    expect(hashMinted("x")).not.toBe(hashMinted("x"));
    const [one, other] = [await hashChosen("hunter2hunter2"), await hashChosen("hunter2hunter2")];
    expect(one).not.toBe(other);
    expect(one).not.toContain("hunter2");
    expect(one).toMatch(/^scrypt\$15\$8\$3\$/);
  });

  it("computes the slow hash once for each actor, also before wrong passphrases", async () => {
    const verifier = new PassphraseVerifier();
    const stored = await hashChosen("pw");
    const slow = vi.mocked(crypto.scrypt);
    slow.mockClear();
    for (let i = 0; i < 50; i += 1)
      expect(await verifier.verify(i % 2 === 0 ? "pw" : "wrong", stored)).toBe(i % 2 === 0);
    expect(slow).toHaveBeenCalledTimes(1);
  });

  it.each([
    ["", 0],
    ["aaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaa", 4],
    ["abcdef0123", 40],
    ["correct horse battery staple", 152],
    ["password", 32],
  ])("estimates %j at %i bits", (passphrase, bits) => {
    expect(estimateBits(passphrase)).toBe(bits);
  });
});
