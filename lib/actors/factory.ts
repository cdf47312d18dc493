import { compact } from "../system/compact.ts";
import * as z from "zod/mini";
import type { Config } from "../system/config.ts";
import { ServiceError } from "../system/errors.ts";
import { bearerOf } from "../http/credentials.ts";
import type { Clock, Ids, JsonObject, Log } from "../system/ports.ts";
import { sameSecret } from "../domain/wire/secret-digest.ts";
import { runHook, type Application } from "./application.ts";
import type { ActorStore } from "./actor-store.ts";
import { estimateBits, hashChosen, hashMinted } from "./passphrase.ts";

const MINTED_BITS = 160;

const optionalText = (most: number) =>
  z.pipe(
    z.nullish(
      z.string().check(
        z.maxLength(most),
        z.refine((value) => value.isWellFormed(), "must be well-formed text"),
      ),
    ),
    z.transform((value) => (value === null || value === "" ? undefined : value)),
  );

/** The body of `POST /`. An empty field counts as absent, as forms send it. */
export const creationBody = z.object({
  // A colon would end the user name of Basic credentials.
  creator: optionalText(256).check(z.refine((value) => value?.includes(":") !== true, "must not contain a colon")),
  passphrase: optionalText(1024),
  trustee_root: optionalText(2048),
});
type CreationBody = z.output<typeof creationBody>;

interface FactoryParts {
  readonly config: Pick<Config, "actorCreation" | "actorCreationToken">;
  readonly actors: ActorStore;
  readonly application: Application;
  readonly clock: Clock;
  readonly ids: Ids;
  readonly log: Log;
}

/** Makes actors. */
export class ActorFactory {
  readonly #parts: FactoryParts;

  constructor(parts: FactoryParts) {
    this.#parts = parts;
  }

  /** Demands that the caller may create an actor here. @throws ServiceError auth.missing, auth.forbidden */
  demandPermission(authorization: string | undefined): void {
    const { actorCreation, actorCreationToken } = this.#parts.config;
    if (actorCreation === "open") return;
    if (actorCreation === "closed") {
      throw new ServiceError("auth.forbidden", "Actors are not created here; the operator sets ACTOR_CREATION.");
    }
    const token = bearerOf(authorization);
    if (token === undefined) {
      const headers = { "WWW-Authenticate": 'Bearer realm="actingweb"' };
      throw new ServiceError("auth.missing", "Creating an actor here needs the deployment's bearer.", { headers });
    }
    if (actorCreationToken === undefined || !sameSecret(token, actorCreationToken)) {
      throw new ServiceError("auth.forbidden", "This bearer does not create actors here.");
    }
  }

  /** Creates an actor. Its document has the passphrase, which is shown this once. */
  async create(body: CreationBody): Promise<JsonObject & { readonly id: string }> {
    const { actors, application, clock, ids, log } = this.#parts;
    const creator = body.creator ?? "creator";
    const passphrase = body.passphrase ?? ids.secret();
    const chosen = body.passphrase !== undefined;
    const id = ids.id();
    await actors.create(
      compact({
        id,
        creator,
        passphraseHash: chosen ? await hashChosen(passphrase) : hashMinted(passphrase),
        passphraseBits: chosen ? estimateBits(passphrase) : MINTED_BITS,
        trusteeRoot: body.trustee_root,
        createdAt: clock.now(),
      }),
    );
    await runHook(log, "actor_created", () => application.runActorHook("actor_created", { actorId: id, creator }));
    return compact({ id, creator, passphrase, trustee_root: body.trustee_root });
  }
}
