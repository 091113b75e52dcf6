"""All rules and destinations as one YAML file: written, read, and brought into the console after a preview."""

from routing.exchange.bringing import Change, Report, bring_in, preview
from routing.exchange.reading import Document, ImportProblem, read
from routing.exchange.writing import write

__all__ = [
    "Change",
    "Document",
    "ImportProblem",
    "Report",
    "bring_in",
    "preview",
    "read",
    "write",
]
