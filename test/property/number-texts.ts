/** JSON texts with numbers that doubles cannot hold, or that two languages spell differently. */
import fc from "fast-check";

/** One JSON text in three forms. */
export interface Spelt {
  /** As a peer sends it. */
  readonly sent: string;
  /** As this service prints it. */
  readonly shown: string;
  /** As a hook's `JSON.stringify` prints it: a double loses its form there, never its value. */
  readonly plain: string;
}

const same = (text: string): Spelt => ({ sent: text, shown: text, plain: text });
const whole = (value: bigint): Spelt => same(String(value));

/** Spelt with a point or an exponent: without, it would be a whole number. */
function double(value: number, sent = String(value).replace(/^-?\d+$/, "$&.0")): Spelt {
  const plain = JSON.stringify(value);
  return { sent, shown: /^-?\d{16,}$/.test(plain) ? value.toExponential().replace("+", "") : plain, plain };
}

const NINES = 10n ** 4_300n - 1n;

/** The numbers at which something changes. */
export const NUMBERS: readonly Spelt[] = [
  ...[2n ** 53n - 1n, 2n ** 53n, 2n ** 53n + 1n, -(2n ** 53n) - 1n, -(2n ** 63n), 2n ** 64n, NINES, -NINES].map(whole),
  ...[653_247_040_368_672_768n, 653_247_040_368_672_769n, 10n ** 20n, 10n ** 400n].map(whole),
  ...[1e20, -1e20, 1e21, 2 ** 53, 2 ** 60, 1e-7, 0.1, 1.797e308].map((value) => double(value)),
  double(1e20, "1e20"),
  double(2 ** 53, "9007199254740993.0"),
  double(1.5e16, "15E15"),
  { ...same("1"), sent: "1.0" },
  { ...same("0"), sent: "-0" },
  { ...same("100"), sent: "1E+2" },
];

/** One number. */
export const numberText: fc.Arbitrary<Spelt> = fc.oneof(
  { weight: 4, arbitrary: fc.constantFrom(...NUMBERS) },
  { weight: 2, arbitrary: fc.bigInt(-(2n ** 70n), 2n ** 70n).map(whole) },
  {
    weight: 1,
    arbitrary: fc.double({ noNaN: true, noDefaultInfinity: true }).map((value) => double(value)),
  },
);

const otherText = fc.constantFrom(...['"653247040368672768"', '"1e20"', '"a: 12345678901234567890"', "true"].map(same));

const joined = (parts: readonly Spelt[], [open, close]: readonly [string, string]): Spelt => ({
  sent: `${open} ${parts.map(({ sent }) => sent).join(" ,\n")}${close}`,
  shown: `${open}${parts.map(({ shown }) => shown).join(",")}${close}`,
  plain: `${open}${parts.map(({ plain }) => plain).join(",")}${close}`,
});
const member = (key: string, { sent, shown, plain }: Spelt): Spelt => ({
  sent: `"${key}":${sent}`,
  shown: `"${key}":${shown}`,
  plain: `"${key}":${plain}`,
});

/** An object of named texts. */
export const objectOf = (members: readonly (readonly [key: string, value: Spelt])[]): Spelt =>
  joined(
    members.map(([key, value]) => member(key, value)),
    ["{", "}"],
  );
/** A list of texts. */
export const listOf = (items: readonly Spelt[]): Spelt => joined(items, ["[", "]"]);

/** A value with such numbers in it, nested and in lists. */
export const valueText: fc.Arbitrary<Spelt> = fc.letrec<{ value: Spelt }>((tie) => ({
  value: fc.oneof(
    { maxDepth: 3, withCrossShrink: true },
    { weight: 4, arbitrary: numberText },
    { weight: 1, arbitrary: otherText },
    { weight: 2, arbitrary: fc.array(tie("value"), { minLength: 1, maxLength: 3 }).map(listOf) },
    {
      weight: 2,
      arbitrary: fc
        .uniqueArray(fc.tuple(fc.constantFrom("a", "b", "c", "d e", "ø"), tie("value")), {
          ...{ minLength: 1, maxLength: 3 },
          selector: ([key]) => key,
        })
        .map(objectOf),
    },
  ),
})).value;
