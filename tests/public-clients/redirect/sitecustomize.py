"""In a process started with TWIN_URL, every session of requests is one to the twin."""

import os

if "TWIN_URL" in os.environ:
    import requests
    from redirect import ToTwin

    class Session(requests.Session):
        def __init__(self) -> None:
            super().__init__()
            for scheme in ("http://", "https://"):
                self.mount(scheme, ToTwin(os.environ["TWIN_URL"]))

    requests.Session = requests.sessions.Session = Session
