locals {
  alarm_actions = compact([var.alarm_topic])
  every_table   = join(" OR ", [for name in values(local.table_names) : "TableName = '${name}'"])
}

resource "aws_cloudwatch_metric_alarm" "function_errors" {
  alarm_name          = "${var.name}-function-errors"
  alarm_description   = "The function crashed or ran out of time"
  namespace           = "AWS/Lambda"
  metric_name         = "Errors"
  dimensions          = { FunctionName = aws_lambda_function.mfa.function_name }
  statistic           = "Sum"
  period              = 60
  evaluation_periods  = 5
  datapoints_to_alarm = 2
  threshold           = 0
  comparison_operator = "GreaterThanThreshold"
  treat_missing_data  = "notBreaching"
  alarm_actions       = local.alarm_actions
}

resource "aws_cloudwatch_metric_alarm" "function_throttles" {
  alarm_name          = "${var.name}-function-throttles"
  alarm_description   = "The account's limit on concurrent functions turned requests away"
  namespace           = "AWS/Lambda"
  metric_name         = "Throttles"
  dimensions          = { FunctionName = aws_lambda_function.mfa.function_name }
  statistic           = "Sum"
  period              = 60
  evaluation_periods  = 1
  threshold           = 0
  comparison_operator = "GreaterThanThreshold"
  treat_missing_data  = "notBreaching"
  alarm_actions       = local.alarm_actions
}

resource "aws_cloudwatch_metric_alarm" "server_errors" {
  alarm_name        = "${var.name}-server-errors"
  alarm_description = "More than one answer in a hundred was a 5xx"
  namespace         = "AWS/ApiGateway"
  metric_name       = "5XXError"
  dimensions        = { ApiName = var.name, Stage = aws_api_gateway_stage.prod.stage_name }
  # Of a metric that is 0 or 1 for each request.
  statistic           = "Average"
  period              = 60
  evaluation_periods  = 5
  datapoints_to_alarm = 2
  threshold           = 0.01
  comparison_operator = "GreaterThanThreshold"
  treat_missing_data  = "notBreaching"
  alarm_actions       = local.alarm_actions
}

resource "aws_cloudwatch_metric_alarm" "tables" {
  for_each = {
    ThrottledRequests = "DynamoDB throttled calls"
    SystemErrors      = "DynamoDB failed"
  }
  alarm_name          = "${var.name}-${each.key}"
  alarm_description   = each.value
  evaluation_periods  = 5
  datapoints_to_alarm = 2
  threshold           = 0
  comparison_operator = "GreaterThanThreshold"
  treat_missing_data  = "notBreaching"
  alarm_actions       = local.alarm_actions

  metric_query {
    id          = "all"
    period      = 60
    return_data = true
    expression  = "SELECT SUM(${each.key}) FROM SCHEMA(\"AWS/DynamoDB\", Operation, TableName) WHERE ${local.every_table}"
  }
}
