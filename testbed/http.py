"""Requests to a server of the test bed."""

from __future__ import annotations

import json
from typing import Any

import requests


class HttpApi:
    """Methods for a server whose REST API answers JSON.

    `get`, `post`, `put`, `patch` and `delete` return the JSON value, or bytes where the answer is
    not JSON, and raise requests.HTTPError for an error.
    """

    def __init__(self, session: requests.Session | None = None) -> None:
        self.session = session or requests.Session()
        self.session.trust_env = False

    def request(self, method: str, path: str, **options: Any) -> requests.Response:
        """Send a request to `path`, with its leading slash; the answer may be an error."""
        options.setdefault("timeout", 30)
        return self.session.request(method, f"{self.base_url()}{path}", **options)

    def base_url(self) -> str:
        """Return what stands before each path."""
        raise NotImplementedError

    def get(self, path: str, **parameters: Any) -> Any:
        """GET with `parameters` as the query."""
        return _value(self.request("GET", path, params=parameters))

    def post(self, path: str, body: Any = None) -> Any:
        """POST `body`: bytes and text as they are, anything else as JSON."""
        return self._send("POST", path, body)

    def put(self, path: str, body: Any) -> Any:
        """PUT `body`, in the same way as `post`."""
        return self._send("PUT", path, body)

    def patch(self, path: str, body: Any) -> Any:
        """PATCH with `body`, in the same way as `post`."""
        return self._send("PATCH", path, body)

    def delete(self, path: str) -> Any:
        """DELETE the resource at `path`."""
        return _value(self.request("DELETE", path))

    def _send(self, method: str, path: str, body: Any) -> Any:
        if isinstance(body, bytes | str):
            return _value(self.request(method, path, data=body))
        headers = {"Content-Type": "application/json"}
        return _value(
            self.request(
                method, path, data=json.dumps({} if body is None else body), headers=headers
            )
        )


def _value(response: requests.Response) -> Any:
    if not response.ok:
        raise requests.HTTPError(
            f"{response.status_code} for {response.request.method} {response.url}: "
            f"{response.text[:500]}",
            response=response,
        )
    if response.headers.get("Content-Type", "").startswith("application/json"):
        return response.json()
    return response.content
