"""aws: rated by the access level of the action that an operation calls, as AWS publishes them.

List and Read operations read; Write, Tagging and Permissions management do not. Names are a guide that AWS keeps to
(describe-, list-, get-); where they mislead, the operation stands in a table here: reading that hands out credentials
or secrets, reading that changes something (`sqs receive-message`), writing that destroys.
Source: AWS Service Authorization Reference, access levels.
"""

import re

from stanch.commands.effect import Call, Effect, changes, destroys, reads, unknown
from stanch.commands.options import options, read, words
from stanch.commands.tables import mentions
from stanch.model.pattern import Pattern
from stanch.model.risk import Risk, Trait

INERT = (
    "--region", "--profile", "--query", "--start-time", "--end-time", "--target-group-arn", "--target-group-arns", "--instance-ids",
    "--db-instance-identifier", "--db-cluster-identifier", "--cluster", "--cluster-name", "--service", "--services", "--log-group-name",
    "--function-name", "--table-name", "--queue-url", "--bucket", "--key", "--prefix", "--stack-name", "--load-balancer-arn",
)  # fmt: skip

NAMES = ("aws", "aws2", "awslocal")

_GLOBAL = options(
    "--debug --no-verify-ssl --no-paginate --version --no-sign-request --no-cli-pager --cli-auto-prompt "
    "--no-cli-auto-prompt help/--help",
    "--endpoint-url --output --query --profile --region --color --ca-bundle --cli-read-timeout "
    "--cli-connect-timeout --cli-binary-format",
)
_SERVICES = words(
    "accessanalyzer account acm acm-pca amp amplify apigateway apigatewayv2 appconfig appconfigdata "
    "application-autoscaling "
    "application-insights appmesh apprunner appsync athena auditmanager autoscaling autoscaling-plans backup "
    "batch bedrock "
    "bedrock-runtime billing budgets ce chatbot cloud9 cloudcontrol cloudformation cloudfront cloudhsmv2 "
    "cloudsearch cloudtrail cloudwatch "
    "codeartifact codebuild codecommit codedeploy codepipeline codestar cognito-identity cognito-idp "
    "comprehend compute-optimizer "
    "configservice config connect cur dax deploy detective devops-guru directconnect discovery dlm dms docdb "
    "ds dynamodb dynamodbstreams "
    "ebs ec2 ec2-instance-connect ecr ecr-public ecs efs eks elasticache elasticbeanstalk elb elbv2 emr "
    "emr-containers emr-serverless "
    "es events firehose fis fms fsx gamelift glacier globalaccelerator glue grafana greengrass greengrassv2 "
    "guardduty health "
    "iam identitystore imagebuilder importexport inspector inspector2 iot iot-data ivs kafka kafkaconnect "
    "kendra keyspaces kinesis "
    "kinesisanalytics kinesisanalyticsv2 kms lakeformation lambda lex-models license-manager lightsail "
    "location logs lookoutmetrics macie2 "
    "managedblockchain marketplace-catalog mediaconvert medialive memorydb mgn mq mwaa neptune "
    "network-firewall networkmanager oam opensearch "
    "opensearchserverless opsworks organizations osis outposts personalize pi pinpoint pipes polly pricing "
    "proton qldb quicksight ram rbin rds "
    "rds-data redshift redshift-data redshift-serverless rekognition resiliencehub resource-explorer-2 resource-groups "
    "resourcegroupstaggingapi robomaker route53 route53domains route53resolver s3 s3api s3control s3outposts sagemaker "
    "savingsplans scheduler schemas secretsmanager securityhub securitylake serverlessrepo service-quotas "
    "servicecatalog "
    "servicediscovery ses sesv2 shield signer sns sqs ssm ssm-contacts ssm-incidents sso sso-admin sso-oidc "
    "stepfunctions storagegateway "
    "sts support swf synthetics textract timestream-query timestream-write transcribe transfer translate "
    "trustedadvisor "
    "verifiedpermissions vpc-lattice waf waf-regional wafv2 wellarchitected workspaces xray"
)

_READ_NAMES = Pattern(
    r"(?:describe|list|get|head|batch-get|batch-check|search|lookup|query|scan|select|filter|estimate|simulate|validate|check|preview|"
    r"test|detect|discover|wait|transact-get|batch-describe|compare|count|evaluate|is|poll-for|view)(?:-|$)"
)
_DESTROY_NAMES = Pattern(
    r"(?:delete|terminate|remove|purge|deregister|detach|disassociate|revoke|disable|restore|reset|release|schedule-key-deletion|"
    r"batch-delete|abort|reject|forget|dispose|destroy|drop|empty|wipe|erase|withdraw|clear|leave|deprecate|expire|force|flush|"
    r"admin-delete|admin-disable|admin-reset|admin-user-global|unsubscribe|retire|invalidate|close|decommission|evict|unassign|failback)(?:-|$)"
)
_EXPOSES = words(
    "secretsmanager:get-secret-value secretsmanager:batch-get-secret-value secretsmanager:get-random-password "
    "sts:get-session-token "
    "sts:get-federation-token sts:assume-role sts:assume-role-with-saml sts:assume-role-with-web-identity "
    "ecr:get-login-password ecr:get-login "
    "ecr:get-authorization-token ecr-public:get-login-password ecr-public:get-authorization-token "
    "rds:generate-db-auth-token "
    "redshift:get-cluster-credentials redshift:get-cluster-credentials-with-iam "
    "redshift-serverless:get-credentials eks:get-token "
    "codeartifact:get-authorization-token kms:decrypt kms:generate-data-key kms:generate-data-key-pair "
    "cognito-identity:get-credentials-for-identity "
    "cognito-identity:get-open-id-token ec2:get-password-data lambda:get-function "
    "lambda:get-function-configuration sso:get-role-credentials "
    "ecs:describe-task-definition apigateway:get-api-keys apigateway:get-api-key iam:create-access-key "
    "iam:create-login-profile "
    "iam:create-service-specific-credential connect:get-federation-token lightsail:get-instance-access-details "
    "lightsail:get-relational-database-master-user-password lightsail:download-default-key-pair chime:get-bot "
    "cloudfront:get-distribution-config elasticbeanstalk:describe-configuration-settings "
    "cognito-idp:describe-user-pool-client "
    "amplify:get-app codebuild:batch-get-projects gamelift:get-compute-auth-token gamelift:get-compute-access "
    "transfer:describe-server "
    "ec2:create-key-pair s3:presign configure:export-credentials glue:get-connection glue:get-connections "
    "directconnect:describe-router-configuration "
    "ec2:describe-instance-attribute appsync:list-api-keys storagegateway:describe-chap-credentials "
    "workspaces:describe-client-properties"
)
_MUTATE_DESPITE_NAME = {
    "sqs:receive-message": "hides the messages that it takes from their readers for a while",
    "sts:get-federation-token": "makes credentials",
    "redshift:get-cluster-credentials": "makes credentials, and maybe a user",
    "redshift:get-cluster-credentials-with-iam": "makes credentials, and maybe a user",
    "kms:decrypt": "opens what was encrypted",
    "appconfigdata:get-latest-configuration": "uses up a token",
    "codedeploy:batch-get-deployments": "",
    "dynamodb:execute-statement": "runs a statement",
    "cloudformation:detect-stack-drift": "",
    "glue:get-mapping": "",
    "route53:test-dns-answer": "",
    "swf:poll-for-activity-task": "takes a task away from its worker",
    "swf:poll-for-decision-task": "takes a task away from its worker",
    "stepfunctions:get-activity-task": "takes a task away from its worker",
    "codepipeline:poll-for-jobs": "takes a job away from its worker",
    "lambda:get-layer-version-by-arn": "",
    "events:test-event-pattern": "",
    "iam:get-account-authorization-details": "",
    "apigateway:test-invoke-method": "calls the API's own code",
    "apigateway:test-invoke-authorizer": "calls the API's own code",
    "apigatewayv2:reset-authorizers-cache": "empties a cache",
    "appsync:evaluate-code": "runs code",
    "ssm:get-connection-status": "",
    "ses:test-render-template": "",
    "cloudfront:test-function": "runs code",
    "bedrock-runtime:invoke-model": "calls a model",
    "sagemaker:search": "",
    "accessanalyzer:check-access-not-granted": "",
    "ec2:get-console-screenshot": "",
    "kinesis:get-records": "",
    "synthetics:get-canary-runs": "",
    "apigateway:test": "calls the API's own code",
}
"""An empty reason is one that was looked at and does read."""

_READ_DESPITE_NAME = words(
    "cloudformation:detect-stack-drift cloudformation:detect-stack-resource-drift logs:start-query "
    "logs:stop-query logs:tail logs:start-live-tail "
    "athena:batch-get-named-query iam:generate-credential-report iam:generate-service-last-accessed-details "
    "rds:download-db-log-file-portion "
    "ce:start-savings-plans-purchase-recommendation-generation s3:ls configure:list configure:get "
    "configure:list-profiles "
    "kinesis:describe-stream rds:generate-db-auth-token eks:get-token pi:get-resource-metrics "
    "dynamodb:batch-get-item xray:batch-get-traces "
    "autoscaling:describe-policies ecr:batch-check-layer-availability ecr:batch-get-image "
    "iam:simulate-principal-policy support:describe-cases "
    "resourcegroupstaggingapi:get-resources cloudtrail:lookup-events cloudtrail:start-query "
    "health:describe-events s3:presign deploy:list-deployments "
    "redshift-data:describe-statement redshift-data:get-statement-result configure:export-credentials "
    "secretsmanager:get-random-password"
)
_DESTROY_DESPITE_NAME = {
    "s3:rm": "deletes objects",
    "s3:rb": "deletes a bucket",
    "s3api:put-bucket-policy": "changes who may read a bucket",
    "s3api:put-bucket-acl": "changes who may read a bucket",
    "s3api:put-object-acl": "changes who may read an object",
    "s3api:put-public-access-block": "changes who may read a bucket",
    "s3api:put-bucket-lifecycle-configuration": "decides what is deleted by itself",
    "s3api:put-bucket-lifecycle": "decides what is deleted by itself",
    "s3api:put-bucket-versioning": "decides whether deleted objects can be got back",
    "iam:put-user-policy": "changes who may do what",
    "iam:put-role-policy": "changes who may do what",
    "iam:put-group-policy": "changes who may do what",
    "iam:attach-user-policy": "changes who may do what",
    "iam:attach-role-policy": "changes who may do what",
    "iam:attach-group-policy": "changes who may do what",
    "iam:update-assume-role-policy": "changes who may do what",
    "iam:update-login-profile": "changes somebody's password",
    "iam:update-access-key": "changes who may do what",
    "iam:create-policy-version": "changes who may do what",
    "iam:set-default-policy-version": "changes who may do what",
    "kms:put-key-policy": "changes who may use a key",
    "kms:disable-key": "locks away everything that the key encrypts",
    "organizations:attach-policy": "changes what accounts may do",
    "route53:change-resource-record-sets": "changes where names point, for everybody",
    "ec2:stop-instances": "",
    "rds:stop-db-instance": "",
    "elasticache:modify-replication-group": "",
    "dynamodb:update-table": "",
    "lambda:put-function-concurrency": "",
    "logs:put-retention-policy": "decides which logs are deleted",
    "ssm:cancel-command": "",
    "ecs:stop-task": "",
    "rds:reboot-db-instance": "",
}
_MUTATE_NOT_DESTROY = words(
    "elbv2:deregister-targets elb:deregister-instances-from-load-balancer autoscaling:detach-instances "
    "autoscaling:exit-standby elbv2:remove-tags "
    "ec2:disassociate-address ec2:reset-instance-attribute ecs:deregister-task-definition "
    "sqs:remove-permission cloudwatch:disable-alarm-actions "
    "events:disable-rule autoscaling:disable-metrics-collection ec2:detach-volume "
    "ec2:detach-network-interface rds:remove-tags-from-resource "
    "cloudfront:create-invalidation sns:unsubscribe wafv2:disassociate-web-acl "
    "elbv2:remove-listener-certificates events:remove-targets "
    "s3api:abort-multipart-upload lambda:delete-function-concurrency guardduty:disassociate-members "
    "codepipeline:disable-stage-transition "
    "lambda:delete-provisioned-concurrency-config ec2:disable-serial-console-access "
    "autoscaling:terminate-instance-in-auto-scaling-group"
)
_WRITES_A_FILE = words(
    "s3api:get-object s3api:get-object-torrent s3api:select-object-content apigateway:get-export "
    "apigateway:get-sdk apigatewayv2:export-api "
    "lambda:invoke glacier:get-job-output iot-data:get-thing-shadow iot-data:update-thing-shadow "
    "ebs:get-snapshot-block polly:synthesize-speech "
    "medialive:describe-input-device-thumbnail codeartifact:get-package-version-asset "
    "appconfigdata:get-latest-configuration "
    "appconfig:get-configuration appconfig:get-hosted-configuration-version "
    "workmailmessageflow:get-raw-message-content "
    "signer:get-revocation-status kinesis-video-media:get-media eks:update-kubeconfig "
    "amplifybackend:get-backend sagemaker-runtime:invoke-endpoint"
)
_DENIED_HINT = "An identity that may only read (ReadOnlyAccess) refuses it, whatever its name promises."


def rate(call: Call) -> Effect:
    leading = read(call.arguments, _GLOBAL, stop_at_operand=True)
    if not leading.operands:
        return leading.certain(reads("says what it is"))
    service, *rest = leading.operands
    behind = read(rest, _GLOBAL, stop_at_operand=True)
    operation = behind.operand(0)
    arguments = behind.operands[1:]
    if "help" in {service, operation} or "help" in arguments[:1] or not operation:
        return reads("shows its help")
    effect = _operation(call, service, operation, arguments)
    effect = leading.certain(behind.certain(effect))
    endpoint = _value(call.arguments, "--endpoint-url")
    if endpoint and not re.match(
        r"https?://(?:localhost|127\.0\.0\.1|\[::1\]|[\w.-]+\.amazonaws\.com)(?:[:/]|\Z)", endpoint
    ):
        effect = effect.raised(Risk.MUTATING, "sends its requests to a server that is named by hand")
    name = _resource(arguments)
    database = _value(arguments, "--db-instance-identifier") or _value(arguments, "--db-cluster-identifier")
    return effect.at(
        context=_value(call.arguments, "--profile"), cluster=_value(arguments, "--cluster") or _value(arguments, "--cache-cluster-id"), resource=name,
        database=database, host=_value(call.arguments, "--region"),
    )  # fmt: skip


def _operation(call: Call, service: str, operation: str, arguments: tuple[str, ...]) -> Effect:
    action = f"{service}:{operation}"
    if any(word == "--generate-cli-skeleton" or word.startswith("--generate-cli-skeleton=") for word in arguments):
        return reads("prints a template, and calls nothing")
    if service == "s3":
        return _s3(operation, arguments)
    if service == "configure" or (service == "sso" and operation in {"login", "logout"}):
        return _configure(service, operation)
    if service not in _SERVICES:
        return unknown(f"`aws {service}` is no service that is known: an alias may do anything")
    if service == "ec2" and "--dry-run" in arguments and "--no-dry-run" not in arguments:
        return reads("asks whether it would be allowed")
    if action in {"ssm:start-session", "ecs:execute-command", "ec2-instance-connect:ssh"}:
        command = _value(arguments, "--command") or ""
        effect = changes("opens a session on a machine", Trait.INTERACTIVE)
        return effect.along(call.rater.script(command)) if command else effect
    if action == "ssm:send-command":
        return _send_command(call, arguments)
    if action == "rds-data:execute-statement" and (text := _value(arguments, "--sql")):
        return call.rater.sql(text, "postgres")
    return _by_level(action, operation, arguments)


def _by_level(action: str, operation: str, arguments: tuple[str, ...]) -> Effect:
    traits = {Trait.EXPOSES_SECRETS} if action in _EXPOSES else set()
    if (
        action in {"ssm:get-parameter", "ssm:get-parameters", "ssm:get-parameters-by-path", "ssm:get-parameter-history"}
        and "--with-decryption" in arguments
    ):
        traits.add(Trait.EXPOSES_SECRETS)
    if action.startswith("logs:") and "--follow" in arguments:
        traits.add(Trait.ENDLESS)
    if action == "logs:start-live-tail":
        traits.add(Trait.ENDLESS)
    if action in {"dynamodb:scan", "dynamodb:query"} and action.endswith("scan"):
        traits.add(Trait.HEAVY)
    if action in _WRITES_A_FILE:
        return changes("writes a file, or runs code" if action == "lambda:invoke" else "writes a file", *traits)
    if why := _DESTROY_DESPITE_NAME.get(action):
        return destroys(why, *traits)
    if why := _MUTATE_DESPITE_NAME.get(action):
        return changes(why, *traits)
    if action in _READ_DESPITE_NAME or _READ_NAMES.match(operation):
        return reads("asks for what there is", *traits)
    if _DESTROY_NAMES.match(operation) and action not in _MUTATE_NOT_DESTROY:
        if operation.startswith("restore"):
            return destroys(
                "restores from a backup: a mistake costs what was written since",
                hint="Restore under a new name, compare, then switch over.",
            )
        return destroys("deletes, or takes something away")
    if any(
        mentions(arguments, name)
        for name in (
            "--master-user-password",
            "--force-delete-without-recovery",
            "--skip-final-snapshot",
            "--force-destroy",
            "--allow-major-version-upgrade",
            "--publicly-accessible",
            "--no-deletion-protection",
            "--auth-token",
            "--force",
        )
    ):
        return destroys("forces, or changes who may get in")
    return changes("changes something", *traits)


def _s3(operation: str, arguments: tuple[str, ...]) -> Effect:
    if operation == "ls":
        return reads("lists objects")
    if operation == "presign":
        return reads("makes a link that lets anybody read an object", Trait.EXPOSES_SECRETS)
    dry = "--dryrun" in arguments
    if dry and operation in {"cp", "mv", "sync", "rm"}:
        return reads("shows what it would do")
    match operation:
        case "rm" | "rb":
            return destroys(
                "deletes objects" if operation == "rm" else "deletes a bucket",
                hint="--dryrun shows what it would delete.",
            )
        case "sync" if "--delete" in arguments:
            return destroys(
                "deletes at its target what its source does not have", hint="--dryrun shows what it would do."
            )
        case "mv":
            return destroys("moves objects, and deletes them where they were")
        case "cp" if (
            (operands := [word for word in arguments if not word.startswith("--")])
            and operands[-1] == "-"
            and operands[0].startswith("s3://")
        ):
            return reads("prints an object")
        case "cp" | "sync" | "mb" | "website":
            if mentions(arguments, "--acl", "--grants"):
                return destroys("copies objects and changes who may read them")
            return changes(
                "copies objects, and overwrites those of the same name", hint="--dryrun shows what it would do."
            )
        case _:
            return unknown(f"`aws s3 {operation}` is not known")


def _configure(service: str, operation: str) -> Effect:
    if service == "configure" and operation in {"list", "list-profiles"}:
        return reads("shows settings")
    if service == "configure" and operation in {"get", "export-credentials"}:
        return reads("shows a setting", Trait.EXPOSES_SECRETS)
    return changes("changes settings, or logs in", Trait.INTERACTIVE)


def _send_command(call: Call, arguments: tuple[str, ...]) -> Effect:
    effect = changes("runs a command on other machines")
    parameters = _value(arguments, "--parameters") or ""
    for command in re.findall(
        r"commands=\[?['\"]?(.*?)['\"]?\]?\Z|\"commands\"\s*:\s*\[(.*?)\]", parameters, re.DOTALL
    ):
        for text in re.split(r"['\"]\s*,\s*['\"]", "".join(command).strip("'\"")):
            effect = effect.along(call.rater.script(text))
    return effect


def _value(arguments: tuple[str, ...], name: str) -> str | None:
    for index, word in enumerate(arguments):
        if word == name and index + 1 < len(arguments):
            return arguments[index + 1]
        if word.startswith(f"{name}="):
            return word.partition("=")[2]
    return None


_NAMES_A_RESOURCE = Pattern(
    r"--(?:[\w-]*(?:identifier|id|ids|name|names|arn|key|bucket|function-name|table-name|stack-name|secret-id))\Z"
)


def _resource(arguments: tuple[str, ...]) -> str:
    for index, word in enumerate(arguments[:-1]):
        if _NAMES_A_RESOURCE.match(word):
            return arguments[index + 1]
    return next((word for word in arguments if word.startswith("s3://")), "")
