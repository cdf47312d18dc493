import { closeSync, existsSync, mkdirSync, openSync, readFileSync, renameSync, writeSync } from "node:fs";
import { dirname } from "node:path";

/** A message of the queue. Times are ms since 1970. */
export interface Message {
  readonly id: string;
  readonly body: string;
  readonly sentAt: number;
  /** The message is not delivered before this time. */
  readonly visibleAt: number;
  readonly receives: number;
  /** A dead letter, kept for people to read. */
  readonly dead?: boolean;
}

type Line = { readonly put: Message } | { readonly del: string };

/** The file is rewritten when it has this many lines more than messages. */
const SPARE_LINES = 1000;

/**
 * The queue's messages in one file, a line for each change: a crash can only cut the last line short, and that change has not
 * happened then. The file is rewritten at start and when it has grown. Without a file nothing is kept.
 */
export class QueueJournal {
  readonly messages = new Map<string, Message>();
  readonly #file: string | undefined;
  #descriptor: number | undefined;
  #lines = 0;

  constructor(file: string | undefined) {
    this.#file = file;
    if (file === undefined) return;
    mkdirSync(dirname(file), { recursive: true });
    if (existsSync(file)) for (const line of readFileSync(file, "utf8").split("\n")) this.#replay(line);
    this.#rewrite();
  }

  put(message: Message): void {
    this.messages.set(message.id, message);
    this.#append({ put: message });
  }

  delete(id: string): void {
    if (this.messages.delete(id)) this.#append({ del: id });
  }

  close(): void {
    if (this.#descriptor !== undefined) closeSync(this.#descriptor);
    this.#descriptor = undefined;
  }

  #replay(text: string): void {
    let line: Line;
    try {
      line = JSON.parse(text) as Line;
    } catch {
      return;
    }
    if ("put" in line) this.messages.set(line.put.id, line.put);
    else this.messages.delete(line.del);
  }

  #append(line: Line): void {
    if (this.#descriptor === undefined) return;
    writeAll(this.#descriptor, `${JSON.stringify(line)}\n`);
    this.#lines += 1;
    if (this.#lines > this.messages.size + SPARE_LINES) this.#rewrite();
  }

  #rewrite(): void {
    if (this.#file === undefined) return;
    const fresh = `${this.#file}.new`;
    const descriptor = openSync(fresh, "w", 0o600);
    writeAll(descriptor, [...this.messages.values()].map((put) => `${JSON.stringify({ put })}\n`).join(""));
    renameSync(fresh, this.#file);
    this.close();
    this.#descriptor = descriptor;
    this.#lines = this.messages.size;
  }
}

function writeAll(descriptor: number, text: string): void {
  let left = Buffer.from(text);
  while (left.length > 0) left = left.subarray(writeSync(descriptor, left));
}
