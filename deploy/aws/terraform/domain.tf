# The custom domain, and its DNS in two regions.

locals {
  has_domain      = var.domain != null
  has_hosted_zone = try(var.domain.hosted_zone_id, "") != ""
  is_primary      = local.has_hosted_zone && try(var.domain.failover_role, "") == "PRIMARY"
}

resource "aws_api_gateway_domain_name" "mfa" {
  count                    = local.has_domain ? 1 : 0
  domain_name              = var.domain.name
  regional_certificate_arn = var.domain.certificate_arn
  security_policy          = "TLS_1_2"
  endpoint_configuration { types = ["REGIONAL"] }
  tags = var.tags
}

resource "aws_api_gateway_base_path_mapping" "mfa" {
  count       = local.has_domain ? 1 : 0
  domain_name = aws_api_gateway_domain_name.mfa[0].domain_name
  api_id      = aws_api_gateway_rest_api.mfa.id
  stage_name  = aws_api_gateway_stage.mfa.stage_name
}

# One record in each region, with the same name.
resource "aws_route53_record" "mfa" {
  count           = local.has_hosted_zone ? 1 : 0
  zone_id         = var.domain.hosted_zone_id
  name            = var.domain.name
  type            = "A"
  set_identifier  = data.aws_region.this.name
  health_check_id = one(aws_route53_health_check.mfa[*].id)

  failover_routing_policy { type = var.domain.failover_role }
  alias {
    name                   = aws_api_gateway_domain_name.mfa[0].regional_domain_name
    zone_id                = aws_api_gateway_domain_name.mfa[0].regional_zone_id
    evaluate_target_health = false
  }
}

resource "aws_route53_health_check" "mfa" {
  count             = local.is_primary ? 1 : 0
  type              = "HTTPS"
  fqdn              = regex("//([^/]+)", aws_api_gateway_stage.mfa.invoke_url)[0]
  port              = 443
  resource_path     = "/${var.stage_name}/health/ready"
  enable_sni        = true
  request_interval  = 30
  failure_threshold = 3
  tags              = var.tags
}
