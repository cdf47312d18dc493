/**
 * Passphrases are stored as hashes only: `scrypt$<log2 N>$<r>$<p>$<salt>$<hash>` of one that a person chose,
 * `sha256$<salt>$<hash>` of one that we minted (160 random bits cannot be guessed, so a slow hash gains nothing).
 */
import { createHash, createHmac, createSecretKey, randomBytes, scrypt, timingSafeEqual } from "node:crypto";

/** Takes 32 MiB and about a third of a second of a whole core. Stored with each hash, so that the cost can grow later. */
const COST = { log2N: 15, r: 8, p: 3 };
const HASH_BYTES = 32;
const MAX_CACHED = 1000;

const base64url = (bytes: Uint8Array): string => Buffer.from(bytes).toString("base64url");
const bytesOf = (text: string): Buffer => Buffer.from(text, "base64url");

function scryptHash(passphrase: string, salt: Uint8Array, cost: typeof COST): Promise<Buffer> {
  const options = { N: 2 ** cost.log2N, r: cost.r, p: cost.p, maxmem: 256 * 1024 * 1024 };
  return new Promise((resolve, reject) => {
    scrypt(passphrase, salt, HASH_BYTES, options, (error, hash) => {
      if (error === null) resolve(hash);
      else reject(error);
    });
  });
}

const saltedHash = (passphrase: string, salt: Uint8Array): Buffer =>
  createHash("sha256").update(salt).update(passphrase).digest();

/** The hash to store of a passphrase that a person chose. Slow on purpose. */
export async function hashChosen(passphrase: string): Promise<string> {
  const salt = randomBytes(16);
  const hash = await scryptHash(passphrase, salt, COST);
  return ["scrypt", COST.log2N, COST.r, COST.p, base64url(salt), base64url(hash)].join("$");
}

/** The hash to store of a passphrase that we minted with at least 160 random bits. */
export function hashMinted(passphrase: string): string {
  const salt = randomBytes(16);
  return ["sha256", base64url(salt), base64url(saltedHash(passphrase, salt))].join("$");
}

/** True for the hash of a passphrase that we minted: it is cheap to check, and cannot be guessed. */
export const isMinted = (stored: string): boolean => stored.startsWith("sha256$");

async function matches(passphrase: string, stored: string): Promise<boolean> {
  const [kind, ...parts] = stored.split("$");
  if (kind === "sha256") {
    const [salt = "", hash = ""] = parts;
    return sameBytes(saltedHash(passphrase, bytesOf(salt)), bytesOf(hash));
  }
  const [log2N, r, p, salt = "", hash = ""] = parts;
  const cost = { log2N: Number(log2N), r: Number(r), p: Number(p) };
  return sameBytes(await scryptHash(passphrase, bytesOf(salt), cost), bytesOf(hash));
}

function sameBytes(one: Uint8Array, other: Uint8Array): boolean {
  return one.byteLength === other.byteLength && timingSafeEqual(one, other);
}

/**
 * A cautious estimate of how hard a chosen passphrase is to guess, in whole bits: its length times the bits of the
 * alphabet that its characters come from. A run of one character counts once.
 */
export function estimateBits(passphrase: string): number {
  const classes: readonly [RegExp, number][] = [
    [/[a-z]/, 26],
    [/[A-Z]/, 26],
    [/[0-9]/, 10],
    [/[^a-zA-Z0-9]/, 32],
  ];
  const alphabet = /^[0-9a-f]*$/.test(passphrase)
    ? 16
    : classes.reduce((size, [pattern, more]) => size + (pattern.test(passphrase) ? more : 0), 0);
  const distinctRuns = passphrase.replace(/(.)\1+/gsu, "$1").length;
  return alphabet === 0 ? 0 : Math.floor(distinctRuns * Math.log2(alphabet));
}

/**
 * Verifies passphrases in constant time and remembers verified ones per instance: the slow hash is computed once for each
 * actor, and after that a wrong passphrase costs none either. Remembers keyed digests, never a passphrase.
 */
export class PassphraseVerifier {
  /** A key object, since `createHmac` takes five times as long with bytes. */
  readonly #key = createSecretKey(randomBytes(32));
  readonly #verified = new Map<string, Buffer>();
  /** The computations under way, by hash and digest. */
  readonly #computing = new Map<string, Promise<boolean>>();

  /** True when the passphrase is the one whose hash is stored. Simultaneous calls with the same passphrase compute it once. */
  async verify(passphrase: string, stored: string): Promise<boolean> {
    const known = this.remembered(passphrase, stored);
    if (known !== undefined) return known;
    const proof = this.#proof(passphrase);
    const name = `${stored} ${base64url(proof)}`;
    const computing = this.#computing.get(name) ?? this.#compute(passphrase, stored, proof, name);
    this.#computing.set(name, computing);
    return await computing;
  }

  /** Whether the passphrase is right; undefined when that must be computed first. */
  remembered(passphrase: string, stored: string): boolean | undefined {
    const known = this.#verified.get(stored);
    return known === undefined ? undefined : timingSafeEqual(known, this.#proof(passphrase));
  }

  /** A name for a passphrase and the hash that it is compared with, from which the passphrase cannot be read. */
  nameOf(passphrase: string, stored: string): string {
    return `${stored} ${base64url(this.#proof(passphrase))}`;
  }

  #proof(passphrase: string): Buffer {
    return createHmac("sha256", this.#key).update(passphrase).digest();
  }

  async #compute(passphrase: string, stored: string, proof: Buffer, name: string): Promise<boolean> {
    try {
      if (!(await matches(passphrase, stored))) return false;
      if (this.#verified.size >= MAX_CACHED) this.#forgetOldest();
      this.#verified.set(stored, proof);
      return true;
    } finally {
      this.#computing.delete(name);
    }
  }

  #forgetOldest(): void {
    const oldest = this.#verified.keys().next();
    if (oldest.done !== true) this.#verified.delete(oldest.value);
  }
}
