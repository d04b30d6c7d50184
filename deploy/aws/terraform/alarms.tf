locals {
  alarm_actions = compact([var.alarm_topic])

  # What the role allows on each table, which DynamoDB counts by operation; scripts/test-deploy compares.
  table_operations = {
    api_key  = ["GetItem", "PutItem", "Scan"]
    totp     = ["DeleteItem", "GetItem", "PutItem", "Scan"]
    webauthn = ["DeleteItem", "GetItem", "PutItem", "Scan"]
    ceremony = ["DeleteItem", "PutItem"]
  }
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
  tags                = var.tags
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
  tags                = var.tags
}

resource "aws_cloudwatch_metric_alarm" "server_errors" {
  alarm_name        = "${var.name}-server-errors"
  alarm_description = "More than one answer in a hundred was a 5xx"
  namespace         = "AWS/ApiGateway"
  metric_name       = "5XXError"
  dimensions        = { ApiName = var.name, Stage = aws_api_gateway_stage.mfa.stage_name }
  # Of a metric that is 0 or 1 for each request.
  statistic           = "Average"
  period              = 60
  evaluation_periods  = 5
  datapoints_to_alarm = 2
  threshold           = 0.01
  comparison_operator = "GreaterThanThreshold"
  treat_missing_data  = "notBreaching"
  alarm_actions       = local.alarm_actions
  tags                = var.tags
}

# The sum over metrics that come by table and operation, since an alarm may not search and a Metrics Insights query knows
# no OR. Ten metrics are the most that an alarm takes.
resource "aws_cloudwatch_metric_alarm" "tables" {
  for_each            = local.table_operations
  alarm_name          = "${var.name}-${replace(each.key, "_", "-")}-table"
  alarm_description   = "DynamoDB throttled or failed calls on the table ${local.table_names[each.key]}"
  evaluation_periods  = 5
  datapoints_to_alarm = 2
  threshold           = 0
  comparison_operator = "GreaterThanThreshold"
  treat_missing_data  = "notBreaching"
  alarm_actions       = local.alarm_actions
  tags                = var.tags

  metric_query {
    id          = "all"
    label       = "throttled or failed"
    return_data = true
    # An operation that never failed has no metric, which must not make the sum missing.
    expression = "SUM([${join(", ", [for n in range(2 * length(each.value)) : "FILL(m${n}, 0)"])}])"
  }
  dynamic "metric_query" {
    for_each = setproduct(["ThrottledRequests", "SystemErrors"], each.value)
    content {
      id          = "m${metric_query.key}"
      return_data = false
      metric {
        namespace   = "AWS/DynamoDB"
        metric_name = metric_query.value[0]
        period      = 60
        stat        = "Sum"
        dimensions  = { TableName = local.table_names[each.key], Operation = metric_query.value[1] }
      }
    }
  }
}
