# The function compares the administrators' key with the header x-api-key. API Gateway does too, unless gateway_key is none.

resource "aws_api_gateway_rest_api" "mfa" {
  name           = var.name
  api_key_source = "HEADER"
  body           = jsonencode(local.openapi)
  endpoint_configuration { types = ["REGIONAL"] }
  tags = var.tags
}

locals {
  require_gateway_key = var.gateway_key != "none"
  schemes             = local.require_gateway_key ? ["administrators"] : []

  administrators = ["/api-key", "/api-key/activate", "/api-key/{proxy+}"]
  # Rotation asks for two API secrets instead.
  everybody = ["/api-key/rotate", "/{proxy+}"]

  openapi = {
    openapi = "3.0.1"
    info    = { title = var.name, version = "1" }
    components = {
      securitySchemes = { administrators = { type = "apiKey", name = "x-api-key", in = "header" } }
    }
    paths = { for path in concat(local.administrators, local.everybody) : path => {
      x-amazon-apigateway-any-method = {
        responses = {}
        security  = [for scheme in local.schemes : { (scheme) = [] } if contains(local.administrators, path)]
        x-amazon-apigateway-integration = {
          type       = "aws_proxy"
          httpMethod = "POST"
          uri        = aws_lambda_function.mfa.invoke_arn
        }
      }
    } }
  }
}

resource "aws_api_gateway_deployment" "mfa" {
  rest_api_id = aws_api_gateway_rest_api.mfa.id
  # A deployment is a copy: another API needs another copy.
  triggers = { body = sha256(aws_api_gateway_rest_api.mfa.body) }
  lifecycle { create_before_destroy = true }
}

resource "aws_api_gateway_stage" "mfa" {
  rest_api_id   = aws_api_gateway_rest_api.mfa.id
  deployment_id = aws_api_gateway_deployment.mfa.id
  stage_name    = var.stage_name
  tags          = var.tags
}

resource "aws_lambda_permission" "api" {
  action        = "lambda:InvokeFunction"
  function_name = aws_lambda_function.mfa.function_name
  principal     = "apigateway.amazonaws.com"
  source_arn    = "${aws_api_gateway_rest_api.mfa.execution_arn}/*"
}

resource "aws_api_gateway_api_key" "administrators" {
  count = var.gateway_key == "new" ? 1 : 0
  name  = "${var.name}-administrators"
  value = data.aws_secretsmanager_secret_version.admin_key.secret_string
  tags  = var.tags
}

resource "aws_api_gateway_usage_plan" "administrators" {
  count = local.require_gateway_key ? 1 : 0
  name  = "${var.name}-administrators"
  tags  = var.tags
  api_stages {
    api_id = aws_api_gateway_rest_api.mfa.id
    stage  = aws_api_gateway_stage.mfa.stage_name
  }
  throttle_settings {
    rate_limit  = 5
    burst_limit = 20
  }
}

resource "aws_api_gateway_usage_plan_key" "administrators" {
  count         = local.require_gateway_key ? 1 : 0
  key_id        = var.gateway_key == "new" ? aws_api_gateway_api_key.administrators[0].id : var.gateway_key
  key_type      = "API_KEY"
  usage_plan_id = aws_api_gateway_usage_plan.administrators[0].id
}
