// The application settings that an operator may give, by the names of shared/settings.py, which describes them. Every
// value is a string, as application settings are. A test holds this list against the settings class.

@export()
@sealed()
@description('Settings of Rostrum. For a secret give a reference to a key vault: @Microsoft.KeyVault(SecretUri=...).')
type settingsType = {
  ROSTRUM_AUTH: ('jwt')?
  ROSTRUM_JWT_SECRET: string?
  ROSTRUM_JWKS_URL: string?
  ROSTRUM_JWT_ISSUER: string?
  ROSTRUM_JWT_AUDIENCE: string?
  ROSTRUM_JWT_ORG_CLAIM: string?
  ROSTRUM_JWT_LEEWAY_SEC: string?
  ROSTRUM_RATE_LIMIT_PER_MINUTE: string?
  ROSTRUM_MAX_EVENT_STREAMS_PER_ORG: string?
  ROSTRUM_ROLE: ('all' | 'api' | 'worker')?
  ROSTRUM_SWEEP_SCHEDULE: string?
  ROSTRUM_EXECUTION: string?
  ROSTRUM_ENGINE: string?
  ROSTRUM_WHISPER_MODEL: string?
  ROSTRUM_WHISPER_THREADS: string?
  ROSTRUM_MODELS_DIR: string?
  ROSTRUM_AZURE_SPEECH_KEY: string?
  ROSTRUM_AZURE_SPEECH_REGION: string?
  ROSTRUM_AZURE_SPEECH_ENDPOINT: string?
  ROSTRUM_AZURE_SPEECH_LOCALES: string?
  ROSTRUM_DETECTOR: string?
  ROSTRUM_DETECTOR_MODEL: string?
  ROSTRUM_SLIDE_TEXT_MODEL: string?
  ROSTRUM_TRANSCRIPTION_PART_SEC: string?
  ROSTRUM_TRANSCRIPTION_FIRST_PART_SEC: string?
  ROSTRUM_TRACKING_PART_SEC: string?
  ROSTRUM_RENDITION_CODEC: string?
  ROSTRUM_RENDITION_PART_SEC: string?
  ROSTRUM_SAMPLE_FPS: string?
  ROSTRUM_MAX_SOURCE_BYTES: string?
  ROSTRUM_BODY_SILENCE_SEC: string?
  ROSTRUM_IMPORT_MIN_BYTES_PER_SEC: string?
  ROSTRUM_IMPORT_MAX_SEC: string?
  ROSTRUM_MAX_DURATION_SEC: string?
  ROSTRUM_MAX_DOWNLOAD_SEC: string?
  ROSTRUM_ALLOW_LOOPBACK_SOURCES: string?
  ROSTRUM_WEBHOOK_SECRET: string?
  ROSTRUM_PROBE_MAX_SEC: string?
  ROSTRUM_PROBE_MAX_BYTES: string?
  ROSTRUM_INVOCATION_BUDGET_SEC: string?
  ROSTRUM_INVOCATION_LIMIT_SEC: string?
  ROSTRUM_HEARTBEAT_SEC: string?
  ROSTRUM_MAX_ATTEMPTS: string?
  ROSTRUM_MAX_RUNNING_JOBS_PER_ORG: string?
  ROSTRUM_MESSAGES_AHEAD: string?
  ROSTRUM_MODEL_IDLE_SEC: string?
  ROSTRUM_STALE_AFTER_SEC: string?
  ROSTRUM_RETENTION_DAYS: string?
  ROSTRUM_RETENTION_DAYS_BY_ORG: string?
  ROSTRUM_REMOVAL_RECORD_DAYS: string?
  ROSTRUM_UPLOAD_VALID_HOURS: string?
  ROSTRUM_MEDIA_URL_MINUTES: string?
  ROSTRUM_PUBLIC_URL: string?
  ROSTRUM_CORS_ORIGINS: string?
  OTEL_EXPORTER_OTLP_ENDPOINT: string?
  ROSTRUM_SENTRY_DSN: string?
  ROSTRUM_MIN_FREE_BYTES: string?
}
