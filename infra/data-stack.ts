import { CfnOutput, RemovalPolicy, Stack, type StackProps } from "aws-cdk-lib";
import { AttributeType, BillingMode, ProjectionType, Table, TableEncryption } from "aws-cdk-lib/aws-dynamodb";
import { EventBus } from "aws-cdk-lib/aws-events";
import type { Construct } from "constructs";
import { feedTimes } from "../lib/dynamodb/table.ts";

/** The sparse index of due work: only items with both attributes are in it. */
export const DUE_INDEX = "due";
/** The sparse indexes of actors that have changed: only with ALL_EVENTS does anything stand in them. */
export const FEED_INDEXES = Object.keys(feedTimes);

/** The parts of a table that the rest of the service needs. */
export interface TableReference {
  readonly tableName: string;
  readonly tableArn: string;
}

interface DataStackProps extends StackProps {
  /** The name of the event bus; there is none without it. */
  readonly eventBusName?: string;
}

/**
 * The one table, whose data must survive, and the event bus, to which others attach rules. Its own stack, protected, so that the API stack can be deployed, replaced and deleted
 * without touching data.
 */
export class DataStack extends Stack {
  readonly table: Table;

  constructor(scope: Construct, id: string, { eventBusName, ...props }: DataStackProps) {
    super(scope, id, { ...props, terminationProtection: true });
    this.table = new Table(this, "Table", {
      partitionKey: { name: "pk", type: AttributeType.STRING },
      sortKey: { name: "sk", type: AttributeType.STRING },
      billingMode: BillingMode.PAY_PER_REQUEST,
      encryption: TableEncryption.AWS_MANAGED,
      pointInTimeRecoverySpecification: { pointInTimeRecoveryEnabled: true },
      timeToLiveAttribute: "ttl",
      deletionProtection: true,
      removalPolicy: RemovalPolicy.RETAIN,
    });
    this.table.addGlobalSecondaryIndex({
      indexName: DUE_INDEX,
      partitionKey: { name: "dueShard", type: AttributeType.STRING },
      sortKey: { name: "dueAt", type: AttributeType.NUMBER },
      projectionType: ProjectionType.KEYS_ONLY,
    });
    for (const [indexName, name] of Object.entries(feedTimes)) {
      this.table.addGlobalSecondaryIndex({
        indexName,
        partitionKey: { name: "feedShard", type: AttributeType.STRING },
        sortKey: { name, type: AttributeType.NUMBER },
        projectionType: ProjectionType.KEYS_ONLY,
      });
    }
    // Both exports stay when the API stack uses another table (`tableName`), so that either stack can be deployed first.
    this.exportValue(this.table.tableName);
    this.exportValue(this.table.tableArn);
    new CfnOutput(this, "TableName", { value: this.table.tableName });
    if (eventBusName !== undefined) {
      const bus = new EventBus(this, "Events", { eventBusName });
      new CfnOutput(this, "EventBusName", { value: bus.eventBusName });
    }
  }
}
