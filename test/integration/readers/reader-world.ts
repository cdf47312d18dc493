/** A whole service with one actor, and a reader of its events. Waiting lets the service's clock pass, and nothing else. */
import { CloudEvent } from "cloudevents";
import { Network, bearer, type Answer, type Asking } from "../../support/in-process.ts";
import { WholeService, type Hosted } from "../../support/whole-service.ts";

/** An event, as far as the tests look at it. */
export interface ReadEvent {
  readonly id: string;
  readonly subject: string;
  readonly type: string;
  readonly position: string;
  // Tests look into data of many shapes.
  readonly data: any;
}

export class ReaderWorld {
  readonly whole: WholeService;
  owner!: Hosted;
  /** What happens while a reader waits, with the ms for which it does. */
  meanwhile: (ms: number) => Promise<void> = () => Promise.resolve();
  readonly waits: number[] = [];

  private constructor(options: ConstructorParameters<typeof WholeService>[2]) {
    this.whole = new WholeService(new Network(), "https://us.example", {
      ...options,
      ports: {
        sleep: async (ms) => {
          this.waits.push(ms);
          this.whole.now += ms;
          await this.meanwhile(ms);
        },
        ...options?.ports,
      },
    });
  }

  static async begin(options: ConstructorParameters<typeof WholeService>[2] = {}): Promise<ReaderWorld> {
    const world = new ReaderWorld(options);
    world.owner = await world.whole.actor();
    return world;
  }

  /** One request of the owner's, below the actor. */
  async ask(method: string, path: string, asking: Asking = {}): Promise<Answer> {
    return await this.whole.ask(method, `${this.owner.root}${path}`, {
      ...asking,
      headers: { ...this.owner.as, ...asking.headers },
    });
  }

  async put(name: string, value: unknown): Promise<void> {
    const { status, text } = await this.ask("PUT", `/properties/${name}`, { json: value });
    if (status >= 300) throw new Error(`PUT ${name}: ${String(status)} ${text}`);
  }

  async publish(topic: string, data: unknown): Promise<void> {
    const { status, text } = await this.ask("POST", `/events/${topic}`, { json: data });
    if (status !== 201) throw new Error(`POST ${topic}: ${String(status)} ${text}`);
  }

  async read(query: Record<string, string | number> = {}, asking: Asking = {}): Promise<Answer> {
    const text = new URLSearchParams(
      Object.entries(query).map(([name, value]): [string, string] => [name, String(value)]),
    ).toString();
    return await this.ask("GET", `/events${text === "" ? "" : `?${text}`}`, asking);
  }

  /** Reads until it is up to date, and checks that every event is a CloudEvent. */
  async readAll(query: Record<string, string | number> = {}, asking: Asking = {}): Promise<readonly ReadEvent[]> {
    const all: ReadEvent[] = [];
    let from: Record<string, string> = {};
    for (let answers = 0; answers < 1_000; answers += 1) {
      const { status, headers, json } = await this.read({ ...query, ...from }, asking);
      if (status !== 200) throw new Error(`read: ${String(status)} ${JSON.stringify(json)}`);
      for (const event of json) new CloudEvent(event, true);
      all.push(...json);
      if (headers["stream-up-to-date"] === "true") return all;
      from = { from: headers["stream-next-offset"] ?? "" };
    }
    throw new Error("the reader is never up to date");
  }

  /** The headers of a trusted peer. */
  async peer(id: string, relationship = "friend"): Promise<Record<string, string>> {
    await this.whole.trusts(this.owner.id, id, `https://peers.example/${id}`, `secret-${id}`, relationship);
    return bearer(`secret-${id}`);
  }
}
