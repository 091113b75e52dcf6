"""The plugin of Orthanc Console: name this file as "PythonScript" in Orthanc's configuration.

It takes what only Orthanc's SDK gives (a token and the configuration), registers its routes, and starts its threads, which
work over HTTP from then on.
"""

from __future__ import annotations

import json
from typing import Any

import orthanc

from intercept.plugin import callbacks
from orthanc_console.plugin.start import Plugin

plugin = Plugin(
    json.loads(orthanc.GetConfiguration()),
    orthanc.GenerateRestApiAuthorizationToken(),
    callbacks.best(orthanc),
)


def status(output: Any, uri: str, **request: Any) -> None:
    """`GET /orthanc-console/status`: versions, lanes, queue sizes, last sync, warnings."""
    if request["method"] != "GET":
        output.SendMethodNotAllowed("GET")
    else:
        output.AnswerBuffer(json.dumps(plugin.status(), indent=2), "application/json")


def call(output: Any, uri: str, **request: Any) -> None:
    """A route that one of the plugin's capabilities answers."""
    query, body = request.get("get", {}), request.get("body", b"")
    reply = plugin.call(uri, request["method"], query, body)
    if reply.status == 405:
        output.SendMethodNotAllowed(reply.text)
    elif reply.status == 200:
        output.AnswerBuffer(reply.text, "text/plain; charset=utf-8")
    else:
        send_status(output, reply.status, reply.text)


def send_status(output: Any, status: int, text: str) -> None:
    """The Python plugin 4.0 takes the text and its length in bytes; later ones take bytes."""
    body = text.encode()
    try:
        output.SendHttpStatus(status, body)
    except TypeError:
        output.SendHttpStatus(status, text, len(body))


orthanc.RegisterRestCallback("/orthanc-console/status", status)
orthanc.RegisterRestCallback("/purge-old-studies", call)
if plugin.move_variant:
    callbacks.register(orthanc, plugin.move_variant, plugin.part)
plugin.load_own_scripts(orthanc)
plugin.start()
