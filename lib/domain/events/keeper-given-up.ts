import type { Exhaustion, OrderedEvent, Stopped } from "./keeper-state.ts";
import type { ExhaustedEvent, KeeperRules, NumberedEvent } from "./keeper-steps.ts";

/**
 * The events of a listener that are not tried again: a person has them from the next note on, as long as there is room.
 *
 * States: `going`; `stopped`, nothing is sent until a person acts; of these `full`, stopped only because there is no room
 * for one more failed event, which another count of the room ends.
 */
export class GivenUpEvents<E extends OrderedEvent> {
  /** For the next note. */
  readonly events: ExhaustedEvent<E>[] = [];
  stopped: Stopped | undefined;
  /** It is full, and that is not stored yet. */
  isFull = false;
  #room: number;

  constructor(stopped: Stopped | undefined, room: number) {
    this.stopped = stopped;
    this.#room = room;
  }

  /** Adds an event while there is room, and nothing else happens where there is none. */
  addIfRoom(numbered: NumberedEvent<E>): void {
    if (this.#room <= 0) return;
    this.#room -= 1;
    this.events.push({ ...numbered, because: "attempts" });
  }

  /** Adds an event, or stops. @returns what became of it; `full`: it is given up once there is room */
  add(
    numbered: NumberedEvent<E>,
    because: Exhaustion,
    onExhausted: KeeperRules["onExhausted"],
  ): "added" | "stopped" | "full" {
    const isToStop = onExhausted === "stop" && (because === "attempts" || because === "expiring");
    if (isToStop || this.#room <= 0) {
      this.isFull = !isToStop && (this.isFull || this.stopped === undefined);
      this.stopped ??= { reason: "exhausted", key: numbered.event.key, position: numbered.event.position };
      return isToStop ? "stopped" : "full";
    }
    this.#room -= 1;
    this.events.push({ ...numbered, because });
    return "added";
  }

  /** There is room for so many after all: a listener that is full goes on. */
  makeRoom(room: number): void {
    this.#room = room;
    if (!this.isFull || room <= 0) return;
    this.isFull = false;
    this.stopped = undefined;
  }
}
