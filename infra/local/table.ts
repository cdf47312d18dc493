import { LOCAL_CREDENTIALS } from "./credentials.ts";
import type { WireError } from "./dynamodb/dynalite.ts";
import type { Emulator } from "./emulator.ts";
import type { Service } from "./template.ts";

/** Creates the template's table, with its TTL, unless it exists: in the emulator, or at another endpoint. */
export async function prepareTable(service: Service, name: string, place: Emulator | string): Promise<void> {
  if (typeof place === "string") await prepareElsewhere(service, name, place);
  else await prepareEmbedded(service, name, place);
}

async function prepareEmbedded(service: Service, name: string, emulator: Emulator): Promise<void> {
  try {
    await emulator.perform("CreateTable", { ...service.table, TableName: name });
  } catch (error) {
    if ((error as WireError).body?.__type.endsWith("#ResourceInUseException") !== true) throw error;
  }
  if (service.ttlAttribute === undefined) return;
  const requested = { AttributeName: service.ttlAttribute, Enabled: true };
  const { TimeToLiveDescription: now } = (await emulator.perform("DescribeTimeToLive", { TableName: name })) as {
    TimeToLiveDescription: { AttributeName?: string };
  };
  if (now.AttributeName === requested.AttributeName) return;
  await emulator.perform("UpdateTimeToLive", { TableName: name, TimeToLiveSpecification: requested });
}

async function prepareElsewhere(service: Service, name: string, endpoint: string): Promise<void> {
  // Loaded only here, because the embedded emulator is called without a client.
  const sdk = await import("@aws-sdk/client-dynamodb");
  const loopback = ["127.0.0.1", "localhost", "[::1]"].includes(new URL(endpoint).hostname);
  const client = new sdk.DynamoDBClient({
    endpoint,
    ...(loopback ? { region: "local", credentials: LOCAL_CREDENTIALS } : {}),
  });
  try {
    await client.send(new sdk.CreateTableCommand({ ...service.table, TableName: name }));
    await sdk.waitUntilTableExists({ client, maxWaitTime: 60 }, { TableName: name });
    if (service.ttlAttribute !== undefined) {
      const requested = { AttributeName: service.ttlAttribute, Enabled: true };
      await client.send(new sdk.UpdateTimeToLiveCommand({ TableName: name, TimeToLiveSpecification: requested }));
    }
  } catch (error) {
    if (!(error instanceof sdk.ResourceInUseException)) throw error;
  } finally {
    client.destroy();
  }
}
