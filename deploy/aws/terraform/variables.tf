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
  description = "An existing table of open ceremonies (hash key id, TTL on ttl); empty makes one"
  type        = string
  default     = ""
}

variable "alarm_topic" {
  description = "ARN of the SNS topic that alarms go to; empty for none"
  type        = string
  default     = ""
}

variable "log_retention_days" {
  description = "Days that the function's log is kept"
  type        = number
  default     = 90
}
