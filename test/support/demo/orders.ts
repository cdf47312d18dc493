import type { OwnedActor } from "../owned-actor.ts";

/** An order in a shop. The orders of one customer are kept in order. */
export interface Order {
  readonly customer: string;
  readonly number: number;
  /** The first worker that begins it never gets done with it. */
  readonly endless?: true;
}

/** @throws when the shop did not take it */
export async function place(shop: OwnedActor, order: Order): Promise<void> {
  const sent = { json: { ...order }, headers: { partitionkey: order.customer } };
  const { status, text } = await shop.fetch("POST", "/events/orders.new", sent);
  if (status !== 201) throw new Error(`The order was answered ${String(status)}: ${text}`);
}
