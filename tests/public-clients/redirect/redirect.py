"""Sends what requests sends to any host to the twin instead: some clients build https addresses by themselves."""

from __future__ import annotations

from typing import Any
from urllib.parse import urlsplit, urlunsplit

import requests


class ToTwin(requests.adapters.HTTPAdapter):
    """A transport that keeps path and query and changes scheme and host."""

    def __init__(self, url: str) -> None:
        super().__init__()
        self.target = urlsplit(url)

    def send(self, request: requests.PreparedRequest, **options: Any) -> requests.Response:
        asked = urlsplit(request.url)
        request.url = urlunsplit((self.target.scheme, self.target.netloc, asked.path, asked.query, ""))
        return super().send(request, **{**options, "proxies": {}})


def session_to(url: str) -> requests.Session:
    """A session whose every request goes to the twin."""
    session = requests.Session()
    for scheme in ("http://", "https://"):
        session.mount(scheme, ToTwin(url))
    return session
