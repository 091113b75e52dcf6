"""The rule language of the console: text to checked condition tree and back.

The grammar is that of the rule-engine library, the types are those of the DICOM dictionary; what a
rule means is fixed by ``routing.conditions``, which evaluates the tree here and inside Orthanc.
docs/rules.md describes the language.
"""

from routing.language.parsing import parse, parse_tree
from routing.language.problems import Parsed, Problem
from routing.language.symbols import REQUEST, STUDY, symbols_catalogue

__all__ = ["REQUEST", "STUDY", "Parsed", "Problem", "parse", "parse_tree", "symbols_catalogue"]
