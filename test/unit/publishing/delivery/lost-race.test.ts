import { expect, it } from "vitest";
import { afterLostRace, type FoundHead, type LostRace } from "../../../../lib/publishing/delivery/lost-race.ts";

const FACTS = ["isThere", "isSameLife", "isSettled", "isLeased", "isSameRecord"] as const;

/** What decides, in this order; `-` does not matter. */
const ROWS: readonly (readonly [facts: string, outcome: LostRace])[] = [
  ["no - - - -", "done"],
  ["yes no - - -", "done"],
  ["yes yes yes - -", "done"],
  ["yes yes no yes -", "done"],
  ["yes yes no no yes", "merge"],
  ["yes yes no no no", "leave"],
];

const ALL = Array.from({ length: 2 ** FACTS.length }, (_, bits) =>
  FACTS.map((_fact, index) => (bits >> index) % 2 === 1),
);

it.each(ALL.map((facts) => facts.map((fact) => (fact ? "yes" : "no")).join(" ")))(
  "knows what to do when %s",
  (text) => {
    const facts = text.split(" ");
    const found = Object.fromEntries(
      FACTS.map((name, index) => [name, facts[index] === "yes"]),
    ) as unknown as FoundHead;
    const matching = ROWS.filter(([row]) =>
      row.split(" ").every((each, index) => each === "-" || each === facts[index]),
    );
    expect(matching).toHaveLength(1);
    expect(afterLostRace(found)).toBe(matching[0]?.[1]);
  },
);
