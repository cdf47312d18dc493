import { Duration, RemovalPolicy } from "aws-cdk-lib";
import { Queue, QueueEncryption } from "aws-cdk-lib/aws-sqs";
import { Construct } from "constructs";
import { BACKGROUND_SECONDS } from "./service-function.ts";

/**
 * How often a message is received before it is given up: pollers that are throttled count as receipts, so fewer than five
 * would give up messages that were never tried. A lost message does no harm, for the sweep finds the same work, but it
 * should show.
 */
const ATTEMPTS = 5;

/** The queue whose messages arrive when a gap is due, and the one for those that nobody could work off. */
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
      // Six times the consumer's time, as Lambda asks, or a message comes back while it is worked on.
      visibilityTimeout: Duration.seconds(6 * BACKGROUND_SECONDS),
      retentionPeriod: Duration.days(1),
      deadLetterQueue: { queue: this.deadLetters, maxReceiveCount: ATTEMPTS },
      removalPolicy: RemovalPolicy.DESTROY,
    });
  }
}
