"""Queries as PS3.4 means them, for who answers C-FIND, C-GET and C-MOVE.

`check` says what is wrong with an identifier, `matches` whether a record matches, `answer` what to return of
it, `select` what to ask a database for, and `find` does it all in a handler. Identifiers and records are
Datasets; nothing here knows of the network.
"""

from __future__ import annotations

from fastdicom.query.answering import Answerer, answer
from fastdicom.query.checking import Problem, check
from fastdicom.query.finding import find
from fastdicom.query.matching import Matcher, matches
from fastdicom.query.models import MODELS, Level, Model, model_of
from fastdicom.query.options import Limits, Options
from fastdicom.query.selecting import Selection, select
from fastdicom.query.values import text

__all__ = [
    "MODELS",
    "Answerer",
    "Level",
    "Limits",
    "Matcher",
    "Model",
    "Options",
    "Problem",
    "Selection",
    "answer",
    "check",
    "find",
    "matches",
    "model_of",
    "select",
    "text",
]
