"""The exact words to paste that connect an Orthanc to this console. Pure functions."""

from __future__ import annotations

import json
from dataclasses import dataclass
from urllib.parse import urlsplit

FOLDER = "/usr/share/orthanc-console"
SCRIPT = f"{FOLDER}/orthanc-plugin.py"
STATE = "/var/lib/orthanc/orthanc-console"
LOOPBACK = ("localhost", "127.0.0.1", "::1")


@dataclass(frozen=True)
class Instructions:
    """Commands and files for one node. They contain its token, so they are shown once."""

    console: str
    token: str
    download: str

    @property
    def loopback(self) -> bool:
        """Whether only the console's own machine can use the address."""
        return urlsplit(self.console).hostname in LOOPBACK

    @property
    def fetch(self) -> str:
        return (
            f'curl -fsS -H "Authorization: Bearer {self.token}" -o orthanc-console.zip {self.download}\n'
            f"sudo mkdir -p {FOLDER}\n"
            f"sudo python3 -m zipfile -e orthanc-console.zip {FOLDER}"
        )

    @property
    def debian_script(self) -> str:
        """Debian's python.json defines PythonScript already; a second file with it would stop Orthanc."""
        replace = rf's|"PythonScript" *: *"[^"]*"|"PythonScript" : "{SCRIPT}"|'
        return f"sudo sed -i '{replace}' /etc/orthanc/python.json\ngrep PythonScript /etc/orthanc/python.json"

    @property
    def debian_settings(self) -> str:
        target = "/etc/orthanc/orthanc-console.json"
        return (
            f"sudo install -m 640 -g orthanc /dev/stdin {target} <<'END'\n"
            f"{self._section(STATE)}\nEND"
        )

    @property
    def restart(self) -> str:
        return "sudo systemctl restart orthanc"

    @property
    def docker_fetch(self) -> str:
        return (
            f'curl -fsS -H "Authorization: Bearer {self.token}" -o orthanc-console.zip {self.download}\n'
            "python3 -m zipfile -e orthanc-console.zip ./orthanc-console"
        )

    @property
    def compose(self) -> str:
        """For the image orthancteam/orthanc, which makes settings of environment variables."""
        return (
            "services:\n"
            "  orthanc:\n"
            "    image: orthancteam/orthanc\n"
            "    environment:\n"
            f"      ORTHANC__PYTHON_SCRIPT: {SCRIPT}\n"
            "      ORTHANC__ORTHANC_CONSOLE: |\n"
            f'        {{"Url": "{self.console}",\n'
            f'         "Token": "{self.token}"}}\n'
            "    volumes:\n"
            f"      - ./orthanc-console:{FOLDER}:ro\n"
            "      - orthanc-data:/var/lib/orthanc/db\n"
            "volumes:\n"
            "  orthanc-data:"
        )

    @property
    def other_settings(self) -> str:
        section = json.loads(self._section(""))
        return json.dumps({"PythonScript": SCRIPT, **section}, indent=2)

    def _section(self, state: str) -> str:
        values = {"Url": self.console, "Token": self.token}
        if state:
            values["StateDirectory"] = state
        return json.dumps({"OrthancConsole": values}, indent=2)
