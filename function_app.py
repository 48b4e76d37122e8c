"""The Azure Functions app: every trigger of its role, indexed fast and without a media library."""

import azure.functions as func

from functions.roles import blueprints
from shared.telemetry.log_lines import set_up_logs

set_up_logs()

app = func.FunctionApp(http_auth_level=func.AuthLevel.ANONYMOUS)

for blueprint in blueprints():
    app.register_functions(blueprint)
