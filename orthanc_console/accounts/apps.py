from __future__ import annotations

from django.apps import AppConfig


class AccountsConfig(AppConfig):
    name = "orthanc_console.accounts"
    label = "accounts"
