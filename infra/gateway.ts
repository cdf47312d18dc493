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
import { servedBy, type FunctionName } from "./functions.ts";
import { DEFAULT_AREA, pathsByArea, type Area } from "../lib/api/route-table.ts";
import type { Settings } from "./settings.ts";

type GatewayProps = Pick<
  Settings,
  "throttlingRateLimit" | "throttlingBurstLimit" | "logRetentionDays" | "domainName" | "certificateArn"
>;

/**
 * Milliseconds that the gateway waits for a function: the maximum. More than the function's own time limit, which excludes a
 * cold start. CDK allows 29 s at most, so this is set on the CloudFormation resources.
 */
const INTEGRATION_MS = 30_000;

/** The access log of a request: no query string, header or body, because each could contain a secret. */
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
 * The HTTP API: one `ANY <path>` route for each path of lib/api/route-table.ts and `$default` for the rest, so that the area of
 * a path answers 405, and the default area 404 for an unknown path. Throttled as a whole; every request is logged.
 */
export class Gateway extends Construct {
  readonly api: HttpApi;
  readonly stage: HttpStage;
  /** The URL of the API. */
  readonly url: string;

  constructor(scope: Construct, id: string, props: GatewayProps) {
    super(scope, id);
    const { domainName, certificateArn, logRetentionDays } = props;
    this.api = new HttpApi(this, "Api", {
      createDefaultStage: false,
      // With both names in use, an actor would have two URLs.
      ...(domainName !== undefined && { disableExecuteApiEndpoint: true }),
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

  /** Adds every route. `handlers` has every function that answers requests. */
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
    // The permissions of routes name stage, method and path; `$default` has no method and needs its own.
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

  /** Gives the API a domain name, which the deployer's DNS must resolve to the API. */
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
