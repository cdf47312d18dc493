import { CfnOutput, Duration, RemovalPolicy } from "aws-cdk-lib";
import { AccessLogFormat } from "aws-cdk-lib/aws-apigateway";
import {
  HttpApi,
  HttpMethod,
  HttpRoute,
  HttpRouteKey,
  HttpStage,
  LogGroupLogDestination,
} from "aws-cdk-lib/aws-apigatewayv2";
import { HttpLambdaIntegration } from "aws-cdk-lib/aws-apigatewayv2-integrations";
import type { IFunction } from "aws-cdk-lib/aws-lambda";
import { LogGroup, RetentionDays } from "aws-cdk-lib/aws-logs";
import { Construct } from "constructs";
import { REQUEST_SECONDS } from "./area-function.ts";
import { DEFAULT_AREA, pathsByArea } from "./routes.ts";
import type { Area } from "./routes.ts";

export interface GatewayProps {
  readonly throttlingRateLimit: number;
  readonly throttlingBurstLimit: number;
}

/** What the access log says of a request: no query string, no header, no body, nothing that could hold a secret. */
const ACCESS_LOG = {
  requestId: "$context.requestId",
  time: "$context.requestTime",
  ip: "$context.identity.sourceIp",
  method: "$context.httpMethod",
  route: "$context.routeKey",
  path: "$context.path",
  status: "$context.status",
  bytes: "$context.responseLength",
  milliseconds: "$context.responseLatency",
  integrationStatus: "$context.integrationStatus",
  integrationError: "$context.integrationErrorMessage",
};

/**
 * The HTTP API: one `ANY <path>` route for each path of routes.ts and `$default` for the rest, so that a path which
 * exists answers 405 itself and one that does not is the default area's 404. Throttled as a whole; every request logged.
 */
export class Gateway extends Construct {
  readonly api: HttpApi;
  readonly stage: HttpStage;

  constructor(scope: Construct, id: string, props: GatewayProps) {
    super(scope, id);
    this.api = new HttpApi(this, "Api", { createDefaultStage: false });
    this.stage = new HttpStage(this, "Stage", {
      httpApi: this.api,
      autoDeploy: true,
      throttle: { rateLimit: props.throttlingRateLimit, burstLimit: props.throttlingBurstLimit },
      accessLogSettings: {
        destination: new LogGroupLogDestination(
          new LogGroup(this, "AccessLog", { retention: RetentionDays.ONE_MONTH, removalPolicy: RemovalPolicy.DESTROY }),
        ),
        format: AccessLogFormat.custom(JSON.stringify(ACCESS_LOG)),
      },
    });
    new CfnOutput(this, "Endpoint", { value: this.api.apiEndpoint });
  }

  /** Adds every route. `handlers` has a function for each area that serves requests. */
  route(handlers: ReadonlyMap<Area, IFunction>): void {
    const integrations = new Map(
      [...handlers].map(([area, handler]) => [
        area,
        new HttpLambdaIntegration(area, handler, {
          timeout: Duration.seconds(REQUEST_SECONDS),
          scopePermissionToRoute: false,
        }),
      ]),
    );
    const integrationOf = (area: Area): HttpLambdaIntegration => {
      const integration = integrations.get(area);
      if (integration === undefined) throw new Error(`No function serves the routes of the area "${area}".`);
      return integration;
    };
    for (const [path, area] of pathsByArea()) {
      this.api.addRoutes({ path, methods: [HttpMethod.ANY], integration: integrationOf(area) });
    }
    new HttpRoute(this, "Default", {
      httpApi: this.api,
      routeKey: HttpRouteKey.DEFAULT,
      integration: integrationOf(DEFAULT_AREA),
    });
  }
}
