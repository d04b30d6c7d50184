variable "name" {
  description = "Name of the function and the API, and the beginning of all other names"
  type        = string
  default     = "mfa"
}

variable "admin_key_secret" {
  description = "Name or ARN of an existing Secrets Manager secret: a text of 20 to 128 letters and digits, the key that administrators send as x-api-key"
  type        = string
}

variable "package" {
  description = "The zip that scripts/package-lambda made; by default the one in target/lambda for the architecture"
  type        = string
  default     = null
}

variable "architecture" {
  description = "The machine that the zip is for"
  type        = string
  default     = "arm64"
  validation {
    condition     = contains(["arm64", "x86_64"], var.architecture)
    error_message = "The architecture is arm64 or x86_64."
  }
}

variable "memory_size" {
  # CPU goes with memory; this is one whole core. A call of a key that a process has not seen costs a slow hash.
  description = "Memory of the function in MB"
  type        = number
  default     = 1769
}

variable "api_key_table" {
  description = "An existing table of API keys (hash key value); empty makes one"
  type        = string
  default     = ""
}

variable "totp_table" {
  description = "An existing table of TOTPs (hash key uuid); empty makes one"
  type        = string
  default     = ""
}

variable "webauthn_table" {
  description = "An existing table of WebAuthn users or U2F keys (hash key uuid); empty makes one"
  type        = string
  default     = ""
}

variable "ceremony_table" {
  description = "An existing table of open ceremonies (hash key id, TTL on ttl) in this region; empty makes one"
  type        = string
  default     = ""
}

variable "gateway_key" {
  description = "The key that API Gateway requires on /api-key: new makes one from the administrators' key, none lets the function alone check it, and the id of an existing key, which must hold the same as admin_key_secret, reuses that one"
  type        = string
  default     = "new"
  validation {
    condition     = can(regex("^(new|none|[a-z0-9]{10})$", var.gateway_key))
    error_message = "The gateway key is new, none or the id of a key."
  }
}

variable "stage_name" {
  description = "The stage of the API, and the first part of the path in its URL"
  type        = string
  default     = "prod"
}

variable "throttled_status" {
  description = "Status of a code for a TOTP that is throttled or disabled; 401 for clients that know only 400 and 401"
  type        = string
  default     = "429"
  validation {
    condition     = contains(["429", "401"], var.throttled_status)
    error_message = "The status is 429 or 401."
  }
}

variable "domain" {
  description = "A custom domain to make for the API, with a certificate in this region. With a hosted zone of Route 53, DNS sends traffic to the secondary region while the primary fails"
  type = object({
    name            = string
    certificate_arn = string
    hosted_zone_id  = optional(string, "")
    failover_role   = optional(string, "PRIMARY")
  })
  default = null
  validation {
    condition     = contains(["PRIMARY", "SECONDARY"], try(var.domain.failover_role, "PRIMARY"))
    error_message = "The fail-over role is PRIMARY or SECONDARY."
  }
}

variable "tags" {
  description = "Tags of everything that takes tags"
  type        = map(string)
  default     = {}
}

variable "alarm_topic" {
  description = "ARN of the SNS topic that alarms go to; empty for none"
  type        = string
  default     = ""
}

variable "log_retention_days" {
  description = "Days that the function's log is kept"
  type        = number
  default     = 60
}
