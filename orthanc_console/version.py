"""The one place where the product's version and the protocol's version stand."""

from __future__ import annotations

VERSION = "0.1.0"

# Raised when a plugin and a console of different age could misunderstand each other.
PROTOCOL = 1
