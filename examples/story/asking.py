"""Asking a hub by its JSON API."""

import json
import urllib.request
from dataclasses import dataclass


@dataclass(frozen=True, slots=True)
class Asking:
    """A hub, and as who it is asked.

    Attributes:
        host: Where it is: host and port.
        authorization: Header to log in with; empty if nobody has to.
    """

    host: str
    authorization: str = ""

    def ask(self, path: str, body: object = None, *, method: str = "") -> object:
        """Send a request; give the JSON that comes back, nothing if there is none.

        Args:
            path: Of what is asked for.
            body: Is sent as JSON, if there is any.
            method: Of HTTP; GET, or POST if there is a body.
        """
        headers = {"Authorization": self.authorization} if self.authorization else {}
        sent = None if body is None else json.dumps(body).encode()
        if sent is not None:
            headers["Content-Type"] = "application/json"
        request = urllib.request.Request(f"http://{self.host}{path}", sent, headers, method=method or None)
        with urllib.request.urlopen(request, timeout=60) as answer:  # noqa: S310 -- our own hub
            raw = answer.read()
        return json.loads(raw) if raw else None
