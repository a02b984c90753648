"""What is wrong where YAML gave up, in a spec writer's words.

The parser stops where it can read no further, which is seldom where the mistake is. Each function
of the table looks at the text around that place, and says what it recognises, or nothing.
"""

from __future__ import annotations

import yaml

from netspec.text.diagnostics import Diagnostic, Source
from netspec.text.yaml_errors import brackets, characters, lines, punctuation
from netspec.text.yaml_errors.layout import Recogniser, failure_at, said

# The order counts, for one slip shows in many ways. A tab, a quote or a reserved character leaves
# nothing behind it readable, so these come first; a missing space or colon also unbalances
# brackets and columns, so punctuation comes before them; a column is blamed when all else is well.
_TABLE: tuple[Recogniser, ...] = (
    characters.tab,
    characters.long_name,
    characters.escape_sequence,
    characters.open_quote,
    characters.braced_name,
    characters.reserved,
    punctuation.glued_dash,
    punctuation.glued_key,
    punctuation.no_colon,
    lines.missing_dash,
    lines.item_below_value,
    lines.literal,
    lines.nested_list,
    lines.second_item,
    lines.key_behind_value,
    brackets.odd,
    brackets.unbalanced,
    punctuation.no_value,
    punctuation.two_colons,
    punctuation.missing_comma,
    lines.indentation,
    lines.second_key,
    lines.behind_value,
    lines.no_dash,
    lines.block_below_value,
)


_KEY_TABLE = (punctuation.behind_comma, punctuation.double_brace, brackets.odd, brackets.unbalanced)
_BRACKET_IN_KEY = (punctuation.glued_key, punctuation.no_colon)


def bracket_in_key(source: Source, place: int) -> Diagnostic | None:
    """Return what is wrong with a line that YAML reads as `fc {linear` and `4096}`."""
    failure = failure_at(source, place, place, "", "")
    # An open bracket makes YAML read on into the next line, which then has no colon either.
    if brackets.unbalanced(failure):
        return None
    found = (recognise(failure) for recognise in _BRACKET_IN_KEY)
    return next(filter(None, found), None)


def collection_as_key(source: Source, place: int) -> Diagnostic:
    """Return what is wrong with a list or mapping that is a key."""
    failure = failure_at(source, place, place, "", "")
    found = (recognise(failure) for recognise in _KEY_TABLE)
    return next(filter(None, found), None) or punctuation.collection_as_key(failure)


def explain(source: Source, error: yaml.MarkedYAMLError) -> Diagnostic:
    """Return what is wrong with a text that YAML refuses."""
    mark, began = error.problem_mark or error.context_mark, error.context_mark
    place = min(mark.index, len(source.text)) if mark else 0
    start = min(began.index, place) if began else place
    failure = failure_at(source, place, start, error.problem or "", error.context or "")
    for recognise in _TABLE if failure.entries else ():
        if found := recognise(failure):
            return found
    help = "compare with the line above: its indentation, brackets, quotes, `: ` and commas"
    message = f"not valid YAML: {error.problem or error.context}"
    return said(message, failure.span(place, place + 1), help)
