# The same as ../template.yaml, for Terraform. The administrators' key is in the state, as is every value that Terraform
# passes on: keep the state encrypted and out of the repository.

terraform {
  required_version = ">= 1.5"
  required_providers {
    aws = { source = "hashicorp/aws", version = ">= 5.80, < 7.0" }
  }
}

data "aws_caller_identity" "this" {}
data "aws_partition" "this" {}
data "aws_region" "this" {}

data "aws_secretsmanager_secret_version" "admin_key" {
  secret_id = var.admin_key_secret
}

resource "aws_lambda_function" "mfa" {
  function_name = var.name
  description   = "mfa-lambda"
  runtime       = "provided.al2023"
  handler       = "bootstrap"
  architectures = [var.architecture]
  filename      = local.package
  # A new zip is a new version of the function.
  source_code_hash = filebase64sha256(local.package)
  role             = aws_iam_role.function.arn
  memory_size      = var.memory_size
  # The service answers after 20 s at the latest, API Gateway waits for 29.
  timeout = 25
  tags    = var.tags

  logging_config {
    log_format = "JSON"
    log_group  = aws_cloudwatch_log_group.function.name
  }

  environment {
    variables = {
      API_KEY_TABLE  = local.table_names.api_key
      TOTP_TABLE     = local.table_names.totp
      WEBAUTHN_TABLE = local.table_names.webauthn
      CEREMONY_TABLE = local.table_names.ceremony
      # The role may not create tables.
      MFA_MIGRATE          = "false"
      MFA_THROTTLED_STATUS = var.throttled_status
      MFA_ADMIN_KEY        = data.aws_secretsmanager_secret_version.admin_key.secret_string
    }
  }
}

locals {
  package = coalesce(var.package, "${path.module}/../../../target/lambda/mfa-lambda-${var.architecture}.zip")
}

resource "aws_cloudwatch_log_group" "function" {
  name              = "/aws/lambda/${var.name}"
  retention_in_days = var.log_retention_days
  tags              = var.tags
}
