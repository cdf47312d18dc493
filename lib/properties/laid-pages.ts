/** Pages of lists that are written before the transaction that links them. */
import { ConditionFailed } from "../dynamodb/table.ts";
import type { Key, Table } from "../dynamodb/table.ts";
import { PageGone } from "../lists/list-pages.ts";

/**
 * The pages that one change has laid out, over all attempts to commit it. An attempt that is planned replaces what the
 * attempt before it laid out; an attempt whose planning fails adds to it. Invariant: nothing that is kept here is
 * linked by a commit, except what the last planned attempt laid out.
 */
export class LaidPages {
  readonly #table: Table;
  #keys: readonly Key[] = [];

  constructor(table: Table) {
    this.#table = table;
  }

  /**
   * Plans one attempt. `plan` gets the list to which it adds the keys of what it lays out.
   * @returns `lost` when a list has changed since its head was read
   */
  async attempt<T>(plan: (laid: Key[]) => Promise<T>): Promise<T | "lost"> {
    const earlier = this.#keys;
    const laid: Key[] = [];
    try {
      const planned = await plan(laid);
      this.#keys = laid;
      // Before the commit, whose transaction may write a page again that only an earlier attempt laid out.
      await this.#delete(earlier);
      return planned;
    } catch (error) {
      this.#keys = [...laid, ...earlier];
      if (error instanceof PageGone || error instanceof ConditionFailed) return "lost";
      throw error;
    }
  }

  /** Deletes everything laid out, once it is certain that nothing was committed. */
  async discard(): Promise<void> {
    const laid = this.#keys;
    this.#keys = [];
    await this.#delete(laid);
  }

  /** Deletes pages that the last attempt did not lay out. A failure leaves them to the sweep. */
  async #delete(laid: readonly Key[]): Promise<void> {
    const kept = new Set(this.#keys.map(textOf));
    const removed = laid.filter((key) => !kept.has(textOf(key)));
    if (removed.length > 0) await this.#table.deleteMany(removed).catch(() => undefined);
  }
}

const textOf = ({ pk, sk }: Key): string => `${pk} ${sk}`;
