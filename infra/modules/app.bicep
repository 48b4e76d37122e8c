// The function app: Python 3.13 on Flex Consumption. It reaches storage and Application Insights by its identity.
import { settingsType } from '../settings.bicep'

param name string
param location string
param tags object
param planId string
param identityId string
param identityClientId string
param storageAccountName string
param packageContainer string
param insightsName string
param pageOrigin string
@secure()
param settings settingsType
param instanceMemoryMB int
param maximumInstanceCount int
param httpConcurrency int
param alwaysReadyInstances int

resource storage 'Microsoft.Storage/storageAccounts@2023-05-01' existing = {
  name: storageAccountName
}

resource insights 'Microsoft.Insights/components@2020-02-02' existing = {
  name: insightsName
}

var given = toObject(
  filter(items(settings), each => !empty(each.value)),
  each => each.key,
  each => each.value
)

var defaults = {
  ROSTRUM_AUTH: 'jwt'
  ROSTRUM_CORS_ORIGINS: pageOrigin
  ROSTRUM_PUBLIC_URL: 'https://${name}.azurewebsites.net/api'
}

// What the host itself reads. The largest body that Azure's front end lets through is 210 MB; the host's own limit is 100.
var platform = {
  AzureWebJobsStorage__accountName: storageAccountName
  AzureWebJobsStorage__credential: 'managedidentity'
  AzureWebJobsStorage__clientId: identityClientId
  APPLICATIONINSIGHTS_CONNECTION_STRING: insights.properties.ConnectionString
  APPLICATIONINSIGHTS_AUTHENTICATION_STRING: 'ClientId=${identityClientId};Authorization=AAD'
  FUNCTIONS_REQUEST_BODY_SIZE_LIMIT: '220200960'
}

module site 'br/public:avm/res/web/site:0.15.1' = {
  name: 'site'
  params: {
    name: name
    location: location
    tags: tags
    kind: 'functionapp,linux'
    serverFarmResourceId: planId
    httpsOnly: true
    managedIdentities: {
      userAssignedResourceIds: [identityId]
    }
    functionAppConfig: {
      deployment: {
        storage: {
          type: 'blobContainer'
          value: '${storage.properties.primaryEndpoints.blob}${packageContainer}'
          authentication: {
            type: 'UserAssignedIdentity'
            userAssignedIdentityResourceId: identityId
          }
        }
      }
      runtime: {
        name: 'python'
        version: '3.13'
      }
      scaleAndConcurrency: {
        instanceMemoryMB: instanceMemoryMB
        maximumInstanceCount: maximumInstanceCount
        alwaysReady: alwaysReadyInstances > 0 ? [{ name: 'http', instanceCount: alwaysReadyInstances }] : []
        triggers: {
          http: {
            perInstanceConcurrency: httpConcurrency
          }
        }
      }
    }
    siteConfig: {
      alwaysOn: false
      minTlsVersion: '1.2'
      ftpsState: 'Disabled'
      cors: {
        allowedOrigins: [] // the app answers preflights itself: ROSTRUM_CORS_ORIGINS
      }
    }
    appSettingsKeyValuePairs: union(defaults, given, platform)
  }
}

output name string = site.outputs.name
output uri string = 'https://${site.outputs.defaultHostname}'
