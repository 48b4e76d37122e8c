"""The Azure Functions app: every trigger, indexed fast and without a media library."""

import azure.functions as func

from functions.api import blueprint as api
from functions.downloader import blueprint as downloader
from functions.maintenance import blueprint as maintenance
from functions.rendition import blueprint as rendition
from functions.tasks import blueprint as tasks
from functions.tracking import blueprint as tracking
from functions.transcription import blueprint as transcription
from shared.telemetry.log_lines import set_up_logs

set_up_logs()

app = func.FunctionApp(http_auth_level=func.AuthLevel.ANONYMOUS)

app.register_functions(api)
app.register_functions(downloader)
app.register_functions(transcription)
app.register_functions(tracking)
app.register_functions(rendition)
app.register_functions(tasks)
app.register_functions(maintenance)
