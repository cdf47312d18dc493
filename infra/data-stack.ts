import { CfnOutput, RemovalPolicy, Stack } from "aws-cdk-lib";
import type { StackProps } from "aws-cdk-lib";
import { AttributeType, BillingMode, ProjectionType, Table, TableEncryption } from "aws-cdk-lib/aws-dynamodb";
import type { Construct } from "constructs";

/** The sparse index of work that is due: only items that carry both attributes are in it. */
export const DUE_INDEX = "due";

/** A table by what the rest of the service needs of it. */
export interface TableReference {
  readonly tableName: string;
  readonly tableArn: string;
}

/**
 * What must survive: the one table. A stack of its own, protected, so that the API stack can be deployed, replaced and
 * deleted without touching data.
 */
export class DataStack extends Stack {
  readonly table: Table;

  constructor(scope: Construct, id: string, props: StackProps) {
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
    // Both exports stay when the API stack uses another table (`tableName`), so that either stack can be deployed first.
    this.exportValue(this.table.tableName);
    this.exportValue(this.table.tableArn);
    new CfnOutput(this, "TableName", { value: this.table.tableName });
  }
}
