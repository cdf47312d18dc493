/** Bare requests to the emulator, the measure of everything else on the same machine. */
import { UpdateCommand } from "@aws-sdk/lib-dynamodb";
import { LOCAL_CREDENTIALS } from "../../infra/local/credentials.ts";
import { createDocumentClient } from "../../lib/dynamodb/client.ts";
import { createTable } from "../support/create-table.ts";

const RAW_TABLE = "raw";

/** Conditional updates through the SDK, in a table of their own beside the service's. */
export class RawRequests implements Disposable {
  readonly #client;

  private constructor(endpoint: string) {
    this.#client = createDocumentClient({ region: "local", credentials: LOCAL_CREDENTIALS, endpoint });
  }

  static async open(endpoint: string): Promise<RawRequests> {
    const raw = new RawRequests(endpoint);
    await createTable(raw.#client, RAW_TABLE);
    return raw;
  }

  /** One update of the lane's item. `at` must differ from the last one's. */
  readonly update = async (lane: number, at: number): Promise<void> => {
    await this.#client.send(
      new UpdateCommand({
        TableName: RAW_TABLE,
        Key: { pk: `lane ${String(lane)}`, sk: "head" },
        UpdateExpression: "SET lastSeq = :n",
        ConditionExpression: "attribute_not_exists(pk) OR lastSeq <> :n",
        ExpressionAttributeValues: { ":n": at },
        ReturnValues: "ALL_NEW",
      }),
    );
  };

  [Symbol.dispose](): void {
    this.#client.destroy();
  }
}
