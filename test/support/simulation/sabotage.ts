/** Ways to leave a condition out, so that a test can show what it is for. */
import { always, type Condition, type Table } from "../../../lib/dynamodb/table.ts";
import type { PartAnswer, Publisher } from "../../../lib/peers/publisher.ts";

/** Any part of a condition, with the attribute it is about, if it is about one. */
type Part = Condition & { readonly name?: string };

/** Every attribute a condition is about. */
export function names(condition: Condition): readonly string[] {
  if (condition.is === "all" || condition.is === "any") return condition.of.flatMap(names);
  if (condition.is === "not") return names(condition.of);
  return "name" in condition ? [condition.name] : [];
}

/** A condition without the parts that match. */
export function without(matches: (part: Part) => boolean): (condition: Condition) => Condition {
  const strip = (condition: Condition): Condition => {
    if (matches(condition)) return always;
    if (condition.is === "all") return { is: "all", of: condition.of.map(strip) };
    return condition;
  };
  return strip;
}

/** A table whose single writes have their conditions changed. */
export function breaking(table: Table, change: (condition: Condition) => Condition): Table {
  return {
    ...methodsOf(table),
    put: (item, condition) => table.put(item, change(condition)),
    update: (key, updated, condition) => table.update(key, updated, change(condition)),
    delete: (key, condition) => table.delete(key, change(condition)),
  };
}

/** A table that never stores one attribute of single writes. */
export function forgetting(table: Table, name: string): Table {
  return {
    ...methodsOf(table),
    update: (key, updated, condition) => {
      const { [name]: _, ...set } = updated.set ?? {};
      return table.update(key, { ...updated, set }, condition);
    },
  };
}

/** A table in which no single write makes a stream due when the lease ends: it stays due as it was, or an hour later. */
export function forgettingLeaseEnds(table: Table): Table {
  const ends = new Set<unknown>();
  return {
    ...methodsOf(table),
    update: (key, updated, condition) => {
      const { dueAt, ...set } = updated.set ?? {};
      if (set["leaseUntil"] !== undefined) ends.add(set["leaseUntil"]);
      if (!ends.has(dueAt)) return table.update(key, updated, condition);
      return table.update(key, { ...updated, set: { ...set, dueAt: Number(dueAt) + 3_600_000 } }, condition);
    },
  };
}

/** A publisher that is taken at its word also where it has said nothing. */
export function takenForAbsent(publisher: Publisher): Publisher {
  const absent = (answer: PartAnswer): PartAnswer =>
    answer.is === "failed" ? { is: "absent", place: answer.place } : answer;
  return withPort(publisher, {
    listState: async (what) => {
      const listed = await publisher.listState(what);
      if (listed.is !== "listing") return listed;
      const read: typeof listed.read = async (places, options) => {
        const { answers, ...rest } = await listed.read(places, options);
        return { answers: answers.map(absent), ...rest };
      };
      return { ...listed, read };
    },
  });
}

/** A publisher whose unreadable backlog counts as a failure, to be asked for again. */
export function askedAgain(publisher: Publisher): Publisher {
  return withPort(publisher, {
    poll: async (subscriptionId) => {
      const polled = await publisher.poll(subscriptionId);
      return polled.is === "unreadable" ? { is: "failed", failure: { reason: polled.reason } } : polled;
    },
  });
}

function withPort(publisher: Publisher, other: Partial<Publisher>): Publisher {
  return {
    baseUri: publisher.baseUri,
    poll: (subscriptionId) => publisher.poll(subscriptionId),
    fetchDiff: (url, sequence) => publisher.fetchDiff(url, sequence),
    listState: (what) => publisher.listState(what),
    acknowledge: (subscriptionId, sequence) => publisher.acknowledge(subscriptionId, sequence),
    ...other,
  };
}

function methodsOf(table: Table): Table {
  return {
    get: (key, options) => table.get(key, options),
    getMany: (keys, options) => table.getMany(keys, options),
    query: (range) => table.query(range),
    queryDue: (...asked) => table.queryDue(...asked),
    queryFeed: (...asked) => table.queryFeed(...asked),
    put: (item, condition) => table.put(item, condition),
    update: (key, updated, condition) => table.update(key, updated, condition),
    delete: (key, condition) => table.delete(key, condition),
    transact: (writes) => table.transact(writes),
    deleteMany: (keys) => table.deleteMany(keys),
  };
}
