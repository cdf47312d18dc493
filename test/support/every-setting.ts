/** A value other than the default for every setting of the stacks, and for the secret of the creation token. */
export const EVERY_SETTING = {
  name: "Second",
  domainName: "actors.example.com",
  certificateArn: "arn:aws:acm:eu-north-1:123456789012:certificate/11111111-2222-3333-4444-555555555555",
  tableName: "Restored-1",
  memoryMb: "1769",
  workerConcurrency: "25",
  throttlingRateLimit: "50",
  throttlingBurstLimit: "100",
  logRetentionDays: "90",
  logLevel: "WARN",
  tracing: "true",
  alarmEmail: "night@example.com",
  tags: "team=night watch,env=prod",
  ACTOR_CREATION: "token",
  ACTOR_CREATION_TOKEN_SECRET: "my/token",
  ACTOR_CREATION_TOKEN_VERSION: "11111111-2222-3333-4444-555555555555",
} as const satisfies Readonly<Record<string, string>>;
