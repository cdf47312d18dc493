/** One random schedule of the publishing side, and what must hold during and after it. */
import { actorItem } from "../../../lib/actors/actor-record.ts";
import { sameJson } from "../../../lib/domain/json/canonical-json.ts";
import { always } from "../../../lib/dynamodb/table.ts";
import { TrustStore } from "../../../lib/trust/trust-store.ts";
import * as checks from "./checks.ts";
import { TRUST_PATH } from "./draws.ts";
import { RELATIONSHIP } from "./ledger.ts";
import { jsonOf, plain, type ModelPeer } from "./model-peer.ts";
import type { Subscription } from "./peer-subscription.ts";
import { crowd } from "./places.ts";
import { OWNER, PASSPHRASE_HASH, Stage, type StageOptions } from "./stage.ts";
import { inVirtualTime } from "./virtual-time.ts";
import { ACTOR, Violation } from "./violation.ts";

const MINUTE = 60_000;
/** Sweeps after which everything must be done: a breaker may be open for a quarter of an hour several times. */
const MOST_SWEEPS = 240;

export class PublishingWorld {
  readonly #stage: Stage;

  constructor(seed: number, options: StageOptions = {}) {
    this.#stage = new Stage(seed, options);
  }

  /** The trace, when it was asked for. */
  get trace(): readonly string[] {
    return this.#stage.trace;
  }

  /** How many numbers all subscriptions together have got. */
  get numbers(): number {
    const { lines, ended } = this.#stage.ledger;
    return [...lines.values(), ...ended.values()].reduce((sum, { entries }) => sum + entries.length, 0);
  }

  /** Plays the schedule to its end. @throws Violation */
  async play(): Promise<void> {
    // Steps are ticks of one turn of the event loop, which has its own turn between schedules.
    await new Promise<void>((resolve) => setImmediate(resolve));
    await inVirtualTime(this.#stage.time, this.#stage.random, async () => {
      await this.#setUp();
      for (const act of this.#stage.plan.acts) {
        this.#stage.note(`act ${act.what}`);
        if (act.alone === true || act.after !== undefined) await this.#stage.quiet();
        this.#stage.time.now += act.after ?? 0;
        this.#stage.launch(async () => {
          await act.run(this.#stage);
        });
        if (act.alone === true) await this.#stage.quiet();
        while (this.#stage.chance(this.#stage.plan.calm) && (await this.#stage.round()));
        if (this.#stage.rough && this.#stage.chance(this.#stage.plan.jumpy ? 0.35 : 0.05)) this.#stage.passTime();
      }
      while (this.#stage.running > 0 && (await this.#stage.round()))
        if (this.#stage.chance(0.02)) this.#stage.passTime();
      const { plan, table, ledger, peers } = this.#stage;
      // Work behind the answers ends too, and work that a message was sent for.
      do {
        while (await this.#stage.round());
        this.#stage.runMessages();
      } while (this.#stage.running > 0);
      if (plan.smooth) checks.checkSent(table, ledger);
      const alone = peers.filter(({ id }) => checks.isLeftAlone(table, id));
      await this.#comeToRest();
      for (const { id, stubborn } of alone) if (stubborn === undefined) checks.checkReplayed(table, ledger, id);
      await this.#catchUp();
      for (const peer of this.#stage.peers)
        for (const each of peer.subscriptions.values()) checks.checkCopy(this.#stage.ledger, peer, each);
      await this.#readEverything();
      await this.#leaveNothing();
    });
  }

  async #setUp(): Promise<void> {
    const createdAt = this.#stage.time.now;
    const actor = { id: ACTOR, creator: "creator", passphraseHash: PASSPHRASE_HASH, passphraseBits: 160, createdAt };
    await this.#stage.table.put(actorItem(actor), always);
    await crowd(this.#stage.table, createdAt);
    const trusts = new TrustStore(this.#stage.table);
    for (const { id, baseUri, secret } of this.#stage.peers) {
      await trusts.create({
        ...{ actorId: ACTOR, peerId: id, baseUri, type: "urn:peer", relationship: RELATIONSHIP, secret, desc: "" },
        ...{ approved: true, peerApproved: true, verified: true, verificationToken: "v", createdAt, revision: 1 },
        ending: false,
      });
    }
  }

  /** No more faults, every peer is well: the sweep comes by every minute until nothing is left to do. */
  async #comeToRest(): Promise<void> {
    this.#stage.rough = false;
    for (const peer of this.#stage.peers) {
      peer.mood = "well";
      for (const id of peer.odd.keys()) if (id !== peer.stubborn) peer.odd.delete(id);
    }
    for (const at of this.#stage.ledger.suspensions) {
      const path = at.subtarget === undefined ? "{target}" : "{target}/{subtarget}";
      await this.#stage.alone(async () => {
        await this.#stage.own(`DELETE /{actorId}/suspensions/${path}`, { ...at });
      });
    }
    for (const peer of this.#stage.peers) {
      await this.#stage.alone(async () => {
        await this.#stage.own(`PUT ${TRUST_PATH}`, { relationship: RELATIONSHIP, peerId: peer.id }, { approved: true });
      });
    }
    let left: string | undefined = "not looked";
    const isStubborn = (peerId: string, id: string): boolean =>
      this.#stage.peers.some((peer) => peer.id === peerId && peer.stubborn === id);
    for (let round = 0; round < MOST_SWEEPS && left !== undefined; round += 1) {
      this.#stage.runMessages();
      await this.#sweep();
      left =
        round < 2
          ? "not looked twice"
          : checks.unrest(this.#stage.table, this.#stage.ledger, this.#stage.time.now, isStubborn);
      left ??= this.#keptApart();
      this.#stage.time.now += MINUTE;
      this.#stage.note(`a minute passes: ${String(left)}`);
    }
    if (left !== undefined) throw new Violation(`Never idle: ${left} (P3, P4, P5).`);
  }

  /** One sweep, and the work on what it found. */
  async #sweep(): Promise<void> {
    await this.#stage.alone(async () => {
      await this.#stage.scheduler(async (instance) => await instance.sweep());
      this.#stage.runMessages();
    });
  }

  /** Numbers that a breaker or a pause keeps from a peer go out afterwards. */
  #keptApart(): string | undefined {
    const { peers, table, ledger } = this.#stage;
    const apart = peers.filter(({ id, stubborn }) => stubborn === undefined && checks.isLeftAlone(table, id));
    return apart.map(({ id }) => checks.missedBy(table, ledger, id)).find((missed) => missed !== undefined);
  }

  /** Every peer brings its copies up to date. */
  async #catchUp(): Promise<void> {
    for (const peer of this.#stage.peers) {
      await this.#stage.alone(async () => {
        if (!(await peer.takeStock())) return;
        for (const subscription of peer.subscriptions.values()) {
          let tries = 0;
          do await peer.recover(subscription);
          while (++tries < 3 && this.#isBehind(peer, subscription));
        }
      });
    }
  }

  #isBehind({ id: peerId }: ModelPeer, { id, isStale, last }: Subscription): boolean {
    return isStale || last !== (this.#stage.ledger.line(peerId, id)?.entries.length ?? last);
  }

  /** The owner reads the state that the log makes. */
  async #readEverything(): Promise<void> {
    await this.#stage.alone(async () => {
      const answer = await this.#stage.ask(
        "GET /{actorId}/properties",
        { actorId: ACTOR },
        { auth: OWNER, query: "format=full" },
      );
      if (answer === undefined) return;
      const [read, logged] = [plain(jsonOf(answer)), Object.fromEntries(this.#stage.ledger.state)];
      if (!sameJson(read, logged))
        throw new Violation(`The owner reads ${JSON.stringify(read)}, the log says ${JSON.stringify(logged)} (P1).`);
    });
  }

  /** Delivered, cleared, and looked after once more: then nothing of the traffic is stored any more. */
  async #leaveNothing(): Promise<void> {
    await this.#clearAll();
    await this.#stage.alone(async () => {
      await this.#stage.own("PUT /{actorId}/properties/{name}", { name: "a" }, "the last");
    });
    await this.#catchUp();
    await this.#clearAll();
    for (let round = 0; round < 3; round += 1) {
      this.#stage.time.now += 10 * MINUTE;
      await this.#sweep();
    }
    const { table, ledger, time } = this.#stage;
    if (ledger.lines.size > 0) checks.checkDeleted(table, ledger, time.now);
  }

  async #clearAll(): Promise<void> {
    for (const peer of this.#stage.peers) {
      await this.#stage.alone(async () => {
        for (const each of [...peer.subscriptions.values()]) await peer.clear(each);
      });
    }
  }
}
