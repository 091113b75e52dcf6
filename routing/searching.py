"""Texts as they are searched for: without accents, letter case and the separators of DICOM names. Pure."""

from __future__ import annotations

import unicodedata

# Between the components and groups of a person name (PS3.5 section 6.2), and what people write there instead.
SEPARATORS = str.maketrans(dict.fromkeys("^=_,", " "))


def folded(text: str) -> str:
    """`Müller^Änne` as `muller anne`, so that it is found however somebody writes it."""
    apart = unicodedata.normalize("NFKD", unicodedata.normalize("NFKD", text).casefold())
    plain = "".join(each for each in apart if not unicodedata.combining(each))
    return " ".join(plain.translate(SEPARATORS).split())
