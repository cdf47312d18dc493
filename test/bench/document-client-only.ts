/** The baseline of import times: the least that a function of this service can hold. */
import { DynamoDBClient } from "@aws-sdk/client-dynamodb";
import { DynamoDBDocumentClient, GetCommand, QueryCommand, UpdateCommand } from "@aws-sdk/lib-dynamodb";

export const handler = { DynamoDBClient, DynamoDBDocumentClient, GetCommand, QueryCommand, UpdateCommand };
