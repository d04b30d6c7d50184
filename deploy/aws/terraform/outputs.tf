output "url" {
  description = "Where applications find the service"
  value       = aws_api_gateway_stage.mfa.invoke_url
}

output "tables" {
  description = "The tables in use"
  value       = local.table_names
}

output "domain_target" {
  description = "Where a CNAME record of the domain points, if its DNS is not in Route 53"
  value       = one(aws_api_gateway_domain_name.mfa[*].regional_domain_name)
}
