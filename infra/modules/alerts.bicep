// Alerts over the telemetry that the app sends: dead letters, messages that wait too long, and failing requests.
param location string
param tags object
param workspaceId string
@description('Mail addresses, separated by commas.')
param emails string
param queueAgeSec int

var addresses = filter(map(split(emails, ','), each => trim(each)), each => !empty(each))

var rules = [
  {
    name: 'dead-letters'
    description: 'A step used up its attempts. GET /api/jobs/poison/{queue} tells why; docs/operations.md what to do.'
    severity: 2
    query: 'AppMetrics | where Name == "rostrum.dead_letters" and Sum > 0'
    window: 'PT15M'
    threshold: 0
  }
  {
    name: 'queue-age'
    description: 'The oldest message of a queue has waited for longer than ${queueAgeSec} seconds: more instances are needed, or none runs.'
    severity: 2
    query: 'AppMetrics | where Name == "rostrum.queue.oldest" and Max > ${queueAgeSec}'
    window: 'PT15M'
    threshold: 2
  }
  {
    name: 'error-rate'
    description: 'More than 5 of 100 requests failed at the server.'
    severity: 1
    query: 'AppRequests | where toint(ResultCode) >= 100 | summarize failed = countif(toint(ResultCode) >= 500), all = count() by bin(TimeGenerated, 5m) | where failed >= 5 and failed * 20 > all'
    window: 'PT15M'
    threshold: 0
  }
]

module receivers 'br/public:avm/res/insights/action-group:0.8.0' = if (!empty(addresses)) {
  name: 'receivers'
  params: {
    name: 'ag-rostrum'
    groupShortName: 'rostrum'
    tags: tags
    emailReceivers: [
      for (address, index) in addresses: {
        name: 'mail-${index}'
        emailAddress: address
        useCommonAlertSchema: true
      }
    ]
  }
}

module alerts 'br/public:avm/res/insights/scheduled-query-rule:0.6.0' = [
  for rule in rules: {
    name: 'alert-${rule.name}'
    params: {
      name: 'rostrum-${rule.name}'
      location: location
      tags: tags
      alertDescription: rule.description
      severity: rule.severity
      scopes: [workspaceId]
      skipQueryValidation: true // the tables appear with the first telemetry
      evaluationFrequency: 'PT5M'
      windowSize: rule.window
      criterias: {
        allOf: [
          {
            query: rule.query
            timeAggregation: 'Count'
            operator: 'GreaterThan'
            threshold: rule.threshold
          }
        ]
      }
      actions: empty(addresses) ? null : { actionGroupResourceIds: [receivers!.outputs.resourceId] }
    }
  }
]
