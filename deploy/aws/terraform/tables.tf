# Tables as mfa-store-dynamo would make them, unless they are there already.

resource "aws_dynamodb_table" "api_key" {
  count        = var.api_key_table == "" ? 1 : 0
  name         = "${var.name}-api-key"
  billing_mode = "PAY_PER_REQUEST"
  hash_key     = "value"
  tags         = var.tags

  attribute {
    name = "value"
    type = "S"
  }

  deletion_protection_enabled = true
  point_in_time_recovery { enabled = true }
  server_side_encryption { enabled = true }
  lifecycle { prevent_destroy = true }
}

resource "aws_dynamodb_table" "totp" {
  count        = var.totp_table == "" ? 1 : 0
  name         = "${var.name}-totp"
  billing_mode = "PAY_PER_REQUEST"
  hash_key     = "uuid"
  tags         = var.tags

  attribute {
    name = "uuid"
    type = "S"
  }

  deletion_protection_enabled = true
  point_in_time_recovery { enabled = true }
  server_side_encryption { enabled = true }
  lifecycle { prevent_destroy = true }
}

resource "aws_dynamodb_table" "webauthn" {
  count        = var.webauthn_table == "" ? 1 : 0
  name         = "${var.name}-webauthn"
  billing_mode = "PAY_PER_REQUEST"
  hash_key     = "uuid"
  tags         = var.tags

  attribute {
    name = "uuid"
    type = "S"
  }

  deletion_protection_enabled = true
  point_in_time_recovery { enabled = true }
  server_side_encryption { enabled = true }
  lifecycle { prevent_destroy = true }
}

# Its rows live five minutes. No backup and no replica: used ceremonies must not come back. Each region has its own.
resource "aws_dynamodb_table" "ceremony" {
  count        = var.ceremony_table == "" ? 1 : 0
  name         = "${var.name}-ceremony"
  billing_mode = "PAY_PER_REQUEST"
  hash_key     = "id"
  tags         = var.tags

  attribute {
    name = "id"
    type = "S"
  }
  ttl {
    attribute_name = "ttl"
    enabled        = true
  }

  server_side_encryption { enabled = true }
}

locals {
  table_names = {
    api_key  = one(concat(aws_dynamodb_table.api_key[*].name, compact([var.api_key_table])))
    totp     = one(concat(aws_dynamodb_table.totp[*].name, compact([var.totp_table])))
    webauthn = one(concat(aws_dynamodb_table.webauthn[*].name, compact([var.webauthn_table])))
    ceremony = one(concat(aws_dynamodb_table.ceremony[*].name, compact([var.ceremony_table])))
  }
  arn = join(":", [
    "arn", data.aws_partition.this.partition, "dynamodb", data.aws_region.this.name,
    data.aws_caller_identity.this.account_id, "table"
  ])
  table_arns = { for table, name in local.table_names : table => "${local.arn}/${name}" }
}
