import { CreateTableCommand, type DynamoDBClient } from "@aws-sdk/client-dynamodb";

/** Makes an empty table as the service expects it. The stacks take theirs from the synthesized template instead. */
export async function createTable(client: Pick<DynamoDBClient, "send">, tableName: string): Promise<void> {
  await client.send(
    new CreateTableCommand({
      TableName: tableName,
      BillingMode: "PAY_PER_REQUEST",
      AttributeDefinitions: [
        { AttributeName: "pk", AttributeType: "S" },
        { AttributeName: "sk", AttributeType: "S" },
        { AttributeName: "dueShard", AttributeType: "S" },
        { AttributeName: "dueAt", AttributeType: "N" },
        { AttributeName: "feedShard", AttributeType: "S" },
        { AttributeName: "feedAt1", AttributeType: "N" },
        { AttributeName: "feedAt2", AttributeType: "N" },
      ],
      KeySchema: [
        { AttributeName: "pk", KeyType: "HASH" },
        { AttributeName: "sk", KeyType: "RANGE" },
      ],
      GlobalSecondaryIndexes: [
        {
          IndexName: "due",
          KeySchema: [
            { AttributeName: "dueShard", KeyType: "HASH" },
            { AttributeName: "dueAt", KeyType: "RANGE" },
          ],
          Projection: { ProjectionType: "KEYS_ONLY" },
        },
        ...([1, 2] as const).map((at) => ({
          IndexName: `feed${String(at)}`,
          KeySchema: [
            { AttributeName: "feedShard", KeyType: "HASH" as const },
            { AttributeName: `feedAt${String(at)}`, KeyType: "RANGE" as const },
          ],
          Projection: { ProjectionType: "KEYS_ONLY" as const },
        })),
      ],
    }),
  );
}
