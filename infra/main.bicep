// Rostrum on Azure Functions (Flex Consumption), for `azd up`: a function app with an identity and no keys, storage,
// Application Insights with alerts, and the web page as a static site. Built to Microsoft's documentation and samples,
// and not deployed: see docs/deploy.md.
targetScope = 'subscription'

import { settingsType } from 'settings.bicep'

@minLength(1)
@maxLength(64)
@description('Name of the environment; the names of all resources are derived from it.')
param environmentName string

@minLength(1)
@description('Region of the function app, such as westeurope. It must have Flex Consumption.')
param location string

@description('Region of the static site, which few regions have.')
param pageLocation string = 'westeurope'

@secure()
@description('Settings of Rostrum; empty ones count as not given.')
param settings settingsType = {}

@description('Mail addresses that are told of alerts. Empty: the alerts are shown in the portal only.')
param alertEmails string = ''

@allowed([512, 2048, 4096])
@description('Memory of each instance. A step takes up to 1 GB.')
param instanceMemoryMB int = 2048

@minValue(1)
@maxValue(1000)
@description('Most instances of each function that run at once; the plan has no limit of its own for one function.')
param maximumInstanceCount int = 40

@minValue(1)
@maxValue(1000)
@description('Requests that one instance of the API answers at once. An event stream is one of them while it lasts.')
param httpConcurrency int = 100

@minValue(0)
@description('Instances of the API that are kept running, which cost money while they do nothing.')
param alwaysReadyInstances int = 0

@description('Most gigabytes a day that logs and traces may take.')
param logsDailyQuotaGb int = 1

@description('Age of the oldest message in a queue that raises an alert, in seconds.')
param alertQueueAgeSec int = 1800

var token = toLower(uniqueString(subscription().id, environmentName, location))
var tags = { 'azd-env-name': environmentName }
var appName = 'func-rostrum-${token}'
var packages = 'app-package'

resource group 'Microsoft.Resources/resourceGroups@2024-03-01' = {
  name: 'rg-${environmentName}'
  location: location
  tags: tags
}

module identity 'br/public:avm/res/managed-identity/user-assigned-identity:0.4.1' = {
  name: 'identity'
  scope: group
  params: {
    name: 'id-rostrum-${token}'
    location: location
    tags: tags
  }
}

module page 'br/public:avm/res/web/static-site:0.3.0' = {
  name: 'page'
  scope: group
  params: {
    name: 'stapp-rostrum-${token}'
    location: pageLocation
    tags: union(tags, { 'azd-service-name': 'web' })
    sku: 'Free'
    provider: 'Custom'
  }
}

module storage 'br/public:avm/res/storage/storage-account:0.26.2' = {
  name: 'storage'
  scope: group
  params: {
    name: 'st${token}'
    location: location
    tags: tags
    skuName: 'Standard_LRS'
    allowBlobPublicAccess: false
    allowSharedKeyAccess: false
    minimumTlsVersion: 'TLS1_2'
    publicNetworkAccess: 'Enabled' // uploads and playback go to storage directly, by signed addresses
    networkAcls: {
      defaultAction: 'Allow'
      bypass: 'AzureServices'
    }
    blobServices: {
      containers: [{ name: packages }]
      corsRules: [
        {
          allowedOrigins: ['https://${page.outputs.defaultHostname}']
          allowedMethods: ['GET', 'HEAD', 'PUT', 'OPTIONS']
          allowedHeaders: ['*']
          exposedHeaders: ['etag', 'content-length', 'content-range', 'x-ms-*']
          maxAgeInSeconds: 3600
        }
      ]
    }
  }
}

module logs 'br/public:avm/res/operational-insights/workspace:0.7.0' = {
  name: 'logs'
  scope: group
  params: {
    name: 'log-rostrum-${token}'
    location: location
    tags: tags
    dataRetention: 30
    dailyQuotaGb: logsDailyQuotaGb
  }
}

module insights 'br/public:avm/res/insights/component:0.4.1' = {
  name: 'insights'
  scope: group
  params: {
    name: 'appi-rostrum-${token}'
    location: location
    tags: tags
    workspaceResourceId: logs.outputs.resourceId
    disableLocalAuth: true
  }
}

module access 'modules/access.bicep' = {
  name: 'access'
  scope: group
  params: {
    storageAccountName: storage.outputs.name
    insightsName: insights.outputs.name
    principalId: identity.outputs.principalId
  }
}

module plan 'br/public:avm/res/web/serverfarm:0.1.1' = {
  name: 'plan'
  scope: group
  params: {
    name: 'plan-rostrum-${token}'
    location: location
    tags: tags
    sku: {
      name: 'FC1'
      tier: 'FlexConsumption'
    }
    reserved: true
  }
}

module app 'modules/app.bicep' = {
  name: 'app'
  scope: group
  dependsOn: [access]
  params: {
    name: appName
    location: location
    tags: union(tags, { 'azd-service-name': 'api' })
    planId: plan.outputs.resourceId
    identityId: identity.outputs.resourceId
    identityClientId: identity.outputs.clientId
    storageAccountName: storage.outputs.name
    packageContainer: packages
    insightsName: insights.outputs.name
    pageOrigin: 'https://${page.outputs.defaultHostname}'
    settings: settings
    instanceMemoryMB: instanceMemoryMB
    maximumInstanceCount: maximumInstanceCount
    httpConcurrency: httpConcurrency
    alwaysReadyInstances: alwaysReadyInstances
  }
}

module alerts 'modules/alerts.bicep' = {
  name: 'alerts'
  scope: group
  params: {
    location: location
    tags: tags
    workspaceId: logs.outputs.resourceId
    emails: alertEmails
    queueAgeSec: alertQueueAgeSec
  }
}

output AZURE_LOCATION string = location
output AZURE_TENANT_ID string = tenant().tenantId
output AZURE_RESOURCE_GROUP string = group.name
output AZURE_FUNCTION_NAME string = app.outputs.name
output SERVICE_API_URI string = app.outputs.uri
output SERVICE_WEB_URI string = 'https://${page.outputs.defaultHostname}'
