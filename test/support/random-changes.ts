import type { Publisher } from "./publisher/publisher.ts";

/** One random change of any kind the protocol knows, from the publisher's own seed; `n` shows where it stood. */
export function change(publisher: Publisher, n: number): void {
  const { random, state } = publisher;
  const name = `p${random.below(5)}`;
  const kind = random.below(8);
  if (kind < 3) changeList(publisher, `l${random.below(2)}`, n);
  else if (kind === 3 && state.values.has(name)) publisher.delete(name);
  else if (kind === 4) publisher.setAt([name, "deep", `k${random.below(3)}`], { n });
  else if (kind === 5 && state.values.has(name))
    publisher.setAt([name, "deep"], random.below(2) === 0 ? "" : { only: n });
  else publisher.set({ [name]: random.below(3) === 0 ? `text ${n}` : { n, deep: { k0: n } } });
}

function changeList(publisher: Publisher, name: string, n: number): void {
  const { random } = publisher;
  const { length } = publisher.state.lists.get(name)?.items ?? [];
  const item = { n, text: random.hex(4) };
  const index = random.below(Math.max(1, length));
  const kind = length === 0 ? random.below(3) : random.below(10);
  if (kind === 0) publisher.list(name, { operation: "append", item });
  else if (kind === 1) publisher.list(name, { operation: "extend", items: [item, n, [n]] });
  else if (kind === 2) publisher.list(name, { operation: "insert", index: 0, item });
  else if (kind === 3) publisher.list(name, { operation: "update", index, item });
  else if (kind === 4) publisher.list(name, { operation: "delete", index });
  else if (kind === 5) publisher.list(name, { operation: "pop" });
  else if (kind === 6) publisher.list(name, { operation: "pop", index });
  else if (kind === 7)
    publisher.list(name, { operation: "remove", item: publisher.state.lists.get(name)!.items[index]! });
  else if (kind === 8) publisher.list(name, { operation: "metadata", description: `at ${n}` });
  else publisher.list(name, { operation: random.below(4) === 0 ? "delete_all" : "clear" });
}
