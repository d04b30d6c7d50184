output "url" {
  description = "Where applications find the service"
  value       = aws_api_gateway_stage.prod.invoke_url
}

output "tables" {
  description = "The tables in use"
  value       = local.table_names
}
