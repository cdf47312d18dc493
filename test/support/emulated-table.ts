import type { DynamoDBClient } from "@aws-sdk/client-dynamodb";
import { LOCAL_CREDENTIALS } from "../../infra/local/credentials.ts";
import { startEmulator, type Fault } from "../../infra/local/emulator.ts";
import { compact } from "../../lib/system/compact.ts";
import { createTableClient } from "../../lib/dynamodb/client.ts";
import { DocumentTable } from "../../lib/dynamodb/document-table.ts";
import { platform } from "../../lib/system/platform.ts";
import { createTable } from "./create-table.ts";

export interface EmulatedTable {
  readonly endpoint: string;
  readonly tableName: string;
  readonly client: DynamoDBClient;
  readonly table: DocumentTable;
  close(): Promise<void>;
}

/** An empty table as the service has it, in the local emulator, kept in memory only. Close it after the tests. `fault`: what fails. */
export async function startEmulatedTable(fault?: Fault): Promise<EmulatedTable> {
  const emulator = await startEmulator(compact({ dataDir: ":memory:", fault }));
  const { endpoint } = emulator;
  const tableName = "service";
  const client = createTableClient({ region: "eu-west-1", credentials: LOCAL_CREDENTIALS, endpoint });
  await createTable(client, tableName);
  const close = async () => {
    client.destroy();
    await emulator.close();
  };
  return { endpoint, tableName, client, table: new DocumentTable({ ...platform, client, tableName }), close };
}
