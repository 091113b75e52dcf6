"""The plugin of Orthanc Console: name this file as "PythonScript" in Orthanc's configuration.

It takes what only Orthanc's SDK gives (a token and the configuration), registers its routes, and starts its threads, which
work over HTTP from then on.
"""

from __future__ import annotations

import json
from typing import Any

import orthanc

from orthanc_console.plugin.start import Plugin

plugin = Plugin(json.loads(orthanc.GetConfiguration()), orthanc.GenerateRestApiAuthorizationToken())


def status(output: Any, uri: str, **request: Any) -> None:
    """`GET /orthanc-console/status`: versions, lanes, queue sizes, last sync, warnings."""
    if request["method"] != "GET":
        output.SendMethodNotAllowed("GET")
    else:
        output.AnswerBuffer(json.dumps(plugin.status(), indent=2), "application/json")


orthanc.RegisterRestCallback("/orthanc-console/status", status)
plugin.start()
