# The function app in the image of the real Functions host. Built to the documentation, not run: see README,
# "What to know before you rely on it".
# 3.13: pocketsphinx has no wheel for 3.12, and the image for 3.11 was Debian 11, too old for the speech model.
ARG PYTHON_VERSION=3.13
FROM mcr.microsoft.com/azure-functions/python:4-python${PYTHON_VERSION}

# PYTHON_ENABLE_INIT_INDEXING: without it every HTTP call hangs on Python 3.12 and older (streaming HTTP triggers).
ENV AzureWebJobsScriptRoot=/home/site/wwwroot \
    AzureFunctionsJobHost__Logging__Console__IsEnabled=true \
    FUNCTIONS_WORKER_RUNTIME=python \
    PYTHON_ENABLE_INIT_INDEXING=1

# Dependencies first, so that a change of the code does not install them again. The file carries hashes.
# A smaller set for an app that does less: docs/deploy.md.
ARG REQUIREMENTS=requirements.txt
COPY ${REQUIREMENTS} /requirements.txt
RUN python -m pip install --no-cache-dir --disable-pip-version-check --require-hashes -r /requirements.txt

COPY host.json function_app.py /home/site/wwwroot/
COPY shared /home/site/wwwroot/shared
COPY functions /home/site/wwwroot/functions

# Queue and timer triggers begin before the first request: give them time. The address answers 503 without storage.
HEALTHCHECK --interval=10s --timeout=6s --start-period=60s --retries=3 \
    CMD ["python", "-c", "import urllib.request as r; r.urlopen('http://127.0.0.1/api/health', timeout=5)"]
EXPOSE 80
