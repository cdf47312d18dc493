/**
 * Lets a test fail whose exchanges with a service the OpenAPI document does not describe: all of `fetch`, which is put in
 * front of Node's own, and what `noteExchange` is called with. The services are those of `checkedOrigins`.
 */
import { afterAll, afterEach } from "vitest";
import { checkedOrigins } from "./checked-origins.ts";
import { noteExchange, takeFaults } from "./exchanges.ts";
import { notedFetch } from "./noted-fetch.ts";

const CHECKED: unique symbol = Symbol.for("fetch is checked");
const own = globalThis as { [CHECKED]?: true };

if (own[CHECKED] !== true) {
  own[CHECKED] = true;
  const isChecked = (origin: string): boolean => checkedOrigins.has(origin);
  globalThis.fetch = notedFetch(globalThis.fetch, { isChecked, note: noteExchange });
}

function demandNone(): void {
  const faults = takeFaults();
  if (faults.length > 0)
    throw new Error(`The OpenAPI document does not describe what was exchanged.\n${faults.join("\n")}`);
}

afterEach(demandNone);
afterAll(demandNone);
