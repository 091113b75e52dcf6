from __future__ import annotations

from argparse import ArgumentParser
from typing import Any

from django.core.management.base import BaseCommand, CommandError

from orthanc_console.accounts import services
from orthanc_console.accounts.models import User


class Command(BaseCommand):
    help = "Issue an API token for a user. The secret is the last line of standard output."

    def add_arguments(self, parser: ArgumentParser) -> None:
        parser.add_argument("user")
        parser.add_argument("--name", default="command line", help="what the token is for")

    def handle(self, *args: Any, **options: Any) -> None:
        user = User.objects.filter(username=options["user"]).first()
        if user is None:
            raise CommandError(f"There is no user {options['user']}.")
        token, secret = services.issue_token(None, user, options["name"], actor_name="command line")
        self.stderr.write(f"Issued {token} for {user.username}; it is shown only now:")
        self.stdout.write(secret)
