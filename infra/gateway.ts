import { CfnOutput, RemovalPolicy, Stack } from "aws-cdk-lib";
import { AccessLogFormat } from "aws-cdk-lib/aws-apigateway";
import {
  ApiMapping,
  CfnIntegration,
  DomainName,
  HttpApi,
  HttpMethod,
  HttpRoute,
  HttpRouteKey,
  HttpStage,
  LogGroupLogDestination,
} from "aws-cdk-lib/aws-apigatewayv2";
import { HttpLambdaIntegration } from "aws-cdk-lib/aws-apigatewayv2-integrations";
import { Certificate } from "aws-cdk-lib/aws-certificatemanager";
import { ServicePrincipal } from "aws-cdk-lib/aws-iam";
import type { IFunction } from "aws-cdk-lib/aws-lambda";
import { LogGroup } from "aws-cdk-lib/aws-logs";
import { Construct } from "constructs";
import { servedBy } from "./functions.ts";
import { DEFAULT_AREA, pathsByArea } from "../lib/api/route-table.ts";
import type { FunctionName } from "./functions.ts";
import type { Area } from "../lib/api/route-table.ts";
import type { Settings } from "./settings.ts";

export type GatewayProps = Pick<
  Settings,
  "throttlingRateLimit" | "throttlingBurstLimit" | "logRetentionDays" | "domainName" | "certificateArn"
>;

/**
 * Milliseconds that the gateway waits for a function, the most there is. More than the function's own time, in which a cold
 * start does not count. CDK allows 29 s at most, so this is set on the CloudFormation resources.
 */
const INTEGRATION_MS = 30_000;

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
  /** Where the API is reached. */
  readonly url: string;

  constructor(scope: Construct, id: string, props: GatewayProps) {
    super(scope, id);
    const { domainName, certificateArn, logRetentionDays } = props;
    this.api = new HttpApi(this, "Api", {
      createDefaultStage: false,
      // Reached by both names, an actor would be known by two URLs.
      ...(domainName === undefined ? {} : { disableExecuteApiEndpoint: true }),
    });
    this.stage = new HttpStage(this, "Stage", {
      httpApi: this.api,
      autoDeploy: true,
      throttle: { rateLimit: props.throttlingRateLimit, burstLimit: props.throttlingBurstLimit },
      accessLogSettings: {
        destination: new LogGroupLogDestination(
          new LogGroup(this, "AccessLog", { retention: logRetentionDays, removalPolicy: RemovalPolicy.DESTROY }),
        ),
        format: AccessLogFormat.custom(JSON.stringify(ACCESS_LOG)),
      },
    });
    this.url =
      domainName === undefined || certificateArn === undefined
        ? this.api.apiEndpoint
        : this.#named(domainName, certificateArn);
  }

  /** Adds every route. `handlers` has each function that answers requests. */
  route(handlers: ReadonlyMap<FunctionName, IFunction>): void {
    const integrations = new Map(
      [...handlers].map(([name, handler]) => [
        name,
        new HttpLambdaIntegration(name, handler, { scopePermissionToRoute: false }),
      ]),
    );
    const integrationOf = (area: Area): HttpLambdaIntegration => {
      const integration = integrations.get(servedBy[area]);
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
    // The permission for the routes names stage, method and path; `$default` has no method, so it is not among them.
    handlers.get(servedBy[DEFAULT_AREA])?.addPermission("DefaultRoute", {
      scope: this,
      principal: new ServicePrincipal("apigateway.amazonaws.com"),
      sourceArn: Stack.of(this).formatArn({
        service: "execute-api",
        resource: this.api.apiId,
        resourceName: "*/$default",
      }),
    });
    for (const each of Stack.of(this).node.findAll()) {
      if (each instanceof CfnIntegration) each.timeoutInMillis = INTEGRATION_MS;
    }
  }

  /** Gives the API a name of its own; the deployer's DNS has to lead there. */
  #named(domainName: string, certificateArn: string): string {
    const certificate = Certificate.fromCertificateArn(this, "Certificate", certificateArn);
    const name = new DomainName(this, "Domain", { domainName, certificate });
    new ApiMapping(this, "Mapping", { api: this.api, domainName: name, stage: this.stage });
    const stack = Stack.of(this);
    new CfnOutput(stack, "DomainTarget", { value: name.regionalDomainName });
    new CfnOutput(stack, "DomainTargetHostedZoneId", { value: name.regionalHostedZoneId });
    return `https://${domainName}`;
  }
}
