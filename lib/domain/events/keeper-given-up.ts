import type { Exhaustion, OrderedEvent, Stopped } from "./keeper-state.ts";
import type { ExhaustedEvent, KeeperRules, NumberedEvent } from "./keeper-steps.ts";

/**
 * The events of a listener that are not tried again. The next note hands them to a person, as long as there is room.
 *
 *   running   events can be added
 *   stopped   the listener sends nothing until a person resumes it
 *   full      stopped only because there is no room for another failed event; `makeRoom` ends that
 */
export class GivenUpEvents<E extends OrderedEvent> {
  /** Given up since the last note. */
  readonly events: ExhaustedEvent<E>[] = [];
  stopped: Stopped | undefined;
  /** The state is `full`, and that is not stored yet. */
  isFull = false;
  #room: number;

  constructor(stopped: Stopped | undefined, room: number) {
    this.stopped = stopped;
    this.#room = room;
  }

  /** Adds an event if there is room. Without room nothing happens, and the listener is not stopped. */
  addIfRoom(numbered: NumberedEvent<E>): void {
    if (this.#room <= 0) return;
    this.#room -= 1;
    this.events.push({ ...numbered, because: "attempts" });
  }

  /**
   * Adds an event, or stops the listener at it.
   * @returns what happened; `full`: the event is given up once there is room
   */
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

  /** Sets how many more events there is room for; a listener that is full continues. */
  makeRoom(room: number): void {
    this.#room = room;
    if (!this.isFull || room <= 0) return;
    this.isFull = false;
    this.stopped = undefined;
  }
}
