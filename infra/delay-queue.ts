import { Duration, RemovalPolicy } from "aws-cdk-lib";
import { Queue, QueueEncryption } from "aws-cdk-lib/aws-sqs";
import { Construct } from "constructs";
import { BACKGROUND_SECONDS } from "./service-function.ts";

/**
 * Receipts of a message before it moves to the dead-letter queue. A throttled poller counts as a receipt, so with fewer than
 * five some messages would never be tried. A lost message does no harm, because the sweep finds the same work, but the loss
 * must be visible.
 */
const ATTEMPTS = 5;

/** The queue whose messages arrive when work is due, and the dead-letter queue for messages that failed. */
export class DelayQueue extends Construct {
  readonly queue: Queue;
  readonly deadLetters: Queue;

  constructor(scope: Construct, id: string) {
    super(scope, id);
    this.deadLetters = new Queue(this, "DeadLetters", {
      encryption: QueueEncryption.SQS_MANAGED,
      enforceSSL: true,
      retentionPeriod: Duration.days(14),
      removalPolicy: RemovalPolicy.DESTROY,
    });
    this.queue = new Queue(this, "Queue", {
      encryption: QueueEncryption.SQS_MANAGED,
      enforceSSL: true,
      // Six times the consumer's time, as Lambda requires: otherwise a message is delivered again while it is worked on.
      visibilityTimeout: Duration.seconds(6 * BACKGROUND_SECONDS),
      retentionPeriod: Duration.days(1),
      deadLetterQueue: { queue: this.deadLetters, maxReceiveCount: ATTEMPTS },
      removalPolicy: RemovalPolicy.DESTROY,
    });
  }
}
