from __future__ import annotations

import getpass
import os
from argparse import ArgumentParser
from typing import Any

from django.core.exceptions import ValidationError
from django.core.management.base import BaseCommand, CommandError

from orthanc_console.accounts import services
from orthanc_console.accounts.models import Role, User

COMMAND_LINE = "command line"


class Command(BaseCommand):
    help = "Create a user. The password comes from CONSOLE_PASSWORD, or is asked for."

    def add_arguments(self, parser: ArgumentParser) -> None:
        parser.add_argument("name")
        parser.add_argument("--role", choices=Role.values, required=True)
        parser.add_argument(
            "--first", action="store_true", help="do nothing where there is any user already"
        )

    def handle(self, *args: Any, **options: Any) -> None:
        if options["first"] and User.objects.exists():
            self.stderr.write("There are users already; nothing was changed.")
            return
        user = User(username=options["name"], role=options["role"])
        if User.objects.filter(username=user.username).exists():
            raise CommandError(f"There is a user {user.username} already; nothing was changed.")
        password = os.environ.get("CONSOLE_PASSWORD", "") or _ask()
        try:
            services.create_user(None, user, password, actor_name=COMMAND_LINE)
        except ValidationError as error:
            raise CommandError(f"{' '.join(error.messages)} Nothing was changed.") from error
        self.stderr.write(f"Created {user.username}, role {user.role}.")


def _ask() -> str:
    try:
        first, again = getpass.getpass("Password: "), getpass.getpass("Again: ")
    except EOFError as error:
        raise CommandError("No password: set CONSOLE_PASSWORD, or type it here.") from error
    if not first or first != again:
        raise CommandError("The two passwords are empty or differ; nothing was changed.")
    return first
