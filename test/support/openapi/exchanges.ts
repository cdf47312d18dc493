/** The exchanges with services that are checked, of the tests of one process. */
import { repositoryCheck, type Exchange, type ExchangeCheck } from "./exchange-check.ts";

interface Kept {
  readonly faults: Set<string>;
  check?: ExchangeCheck;
}
/** One for all copies of this module: each test file has its own. */
const KEPT = Symbol.for("exchanges that are checked");
const kept = (Reflect.get(globalThis, KEPT) as Kept | undefined) ?? { faults: new Set() };
Reflect.set(globalThis, KEPT, kept);

/** Checks an exchange; what is wrong with it is a fault of the test that runs. */
export function noteExchange(exchange: Exchange): void {
  kept.check ??= repositoryCheck();
  for (const fault of kept.check.faultsOf(exchange)) {
    kept.faults.add(`${exchange.method} ${exchange.url.slice(0, 300)}: ${fault}`);
  }
}

/** What is wrong with an event that a service has sent. */
export function eventFaults(envelope: unknown): readonly string[] {
  kept.check ??= repositoryCheck();
  return kept.check.eventFaults(envelope);
}

/** The faults since it was called last. */
export function takeFaults(): readonly string[] {
  const faults = [...kept.faults];
  kept.faults.clear();
  return faults;
}
