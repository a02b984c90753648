"""What YAML refuses, said in a spec writer's words: the place, the words, and the cure."""

from __future__ import annotations

import re
from dataclasses import dataclass

import pytest

from netspec.text.diagnostics import Diagnostic, SpecError
from netspec.text.syntax import decode, parse


@dataclass(frozen=True)
class Slip:
    """A text in which `«` and `»` stand around what is underlined, and `¦` where a note points."""

    text: str
    message: str
    help: str


GRAPH = """\
graph:
  one: relu
  two: relu
"""
SLIPS = {
    "a comment without its mark": Slip(
        "« yaml-language-server»: x\n¦name: Net\ninputs: 1\n",
        "line 1 is indented by 1, its siblings by 0",
        "a comment begins with `#`: write `# yaml-language-server: …`",
    ),
    "a text with a colon": Slip(
        "doc: «Paper:» a title",
        "a text with `: ` in it",
        'put the text in quotes: `doc: "Paper: a title"`',
    ),
    "a key with braces": Slip(
        "a: {conv2d: [«${k}», 3]}", "a parameter has no braces", "write `$k`"
    ),
    "braces in a text": Slip("a: «${k}» // 2", "a parameter has no braces", "write `$k`"),
    "no comma between numbers": Slip("a: [«3 3», 224]", "a comma is missing", "write `3, 3`"),
    "no comma between arguments": Slip(
        "a: {conv2d: «3 3»}", "a comma is missing", "write `[3, 3]`"
    ),
    "no comma between parameters": Slip("p: [«out k», s=1]", "a comma is missing", "`out, k`"),
    "no comma behind a list": Slip(
        "a: {b: [64, 3«] stride:» 2}", "a `,` is missing behind `]`", "write `], stride:`"
    ),
    "no comma behind a number": Slip(
        "a: {b: «64 stride:» 2}", "a `,` is missing behind `64`", "write `64, stride:`"
    ),
    "no comma at the end of a line": Slip(
        "a: [{b: 1}, rel«u »  # text\n    {b: 2}]", "a comma is missing at the end", "write `,`"
    ),
    "two commas": Slip("a: [1«,,» 2]", "nothing stands between `,` and `,`", "delete the `,`"),
    "a first comma": Slip("a: «{,» b: 1}", "nothing stands between `{` and `,`", "delete the `,`"),
    "a comma behind a line": Slip("a: {b: 1}«,»\n", "a comma outside of", "delete the comma"),
    "no colon": Slip("«name »Net\nb: 1", "a `:` is missing behind `name`", "write `name: Net`"),
    "no colon before a list": Slip(
        "«one »[1, 2]\nb: 1", "a `:` is missing behind `one`", "`one: ["
    ),
    "no colon above a block": Slip(
        "a: 1\n«graph\n»  one: relu\n", "a `:` is missing behind `graph`", "write `graph:`"
    ),
    "no colon in brackets": Slip(
        "a: {«conv2d »[64, 3]}", "a `:` is missing behind `conv2d`", "write `conv2d: [64, 3]`"
    ),
    "no colon in front of a mapping": Slip(
        "a: 1\n«fc7 »  {linear: 4096}", "a `:` is missing behind `fc7`", "`fc7: {linear: 4096}`"
    ),
    "no colon and no space in front of a mapping": Slip(
        "a:\n  - b\n  - «fc7{»linear: 4096}",
        "a `:` is missing behind `fc7`",
        "`fc7: {linear: 4096}`",
    ),
    "no space in front of a mapping": Slip(
        "«fc7:{»linear: 4096}", "a space is missing behind `fc7:`", "`fc7: {linear: 4096}`"
    ),
    "a colon inside a key": Slip(
        "a: {b: 2, «ceil_mod:e true», c: 1}",
        "`:` stands inside a word",
        "write `ceil_mode: true`",
    ),
    "a colon inside a key on a line": Slip(
        "b: 1\n«fc:7 {linear: 4096}»", "`:` stands inside a word", "write `fc7: {linear: 4096}`"
    ),
    "a space inside a value": Slip(
        "a: {«ceil_mode:t rue»}", "`:` stands inside a word", "write `ceil_mode: true`"
    ),
    "a colon inside a name that stands elsewhere": Slip(
        "a: {«n:5 3», n4: $n5}", "`:` stands inside a word", "write `n5: 3`"
    ),
    "a closer behind a comma": Slip(
        "a: {b: [6, 3], padding: 1,  «]»  shape: [6, 5, 5]}",
        "`]` closes nothing",
        "delete the `]`",
    ),
    "a space inside a number": Slip(
        "a: {«linear:6 4», b: 1}", "`:` stands inside a word", "write `linear: 64`"
    ),
    "a colon inside a key, or a space inside a value": Slip(
        "b: 1\n«rel:u relu»", "`:` stands inside a word", "write `relu: relu`, or `rel: urelu`"
    ),
    "a space in front of a colon": Slip(
        "a: {b: 1, «stride :$s»}", "a space is missing behind `stride:`", "write `stride: $s`"
    ),
    "a semicolon for a colon": Slip(
        "a: {b: 1, «stride; 2»}", "`;` stands where `:` belongs behind `stride`", "`stride: 2`"
    ),
    "another mark for a comma": Slip(
        "a: [«3$ $size», 8]", "`$` stands where `,` belongs", "write `3, $size`"
    ),
    "no colon below a text": Slip(
        "a:\n  doc: b\n  «params »[c, d]\n", "a `:` is missing behind `params`", "`params: [c, d]`"
    ),
    "a colon inside a block's name": Slip(
        "a: {«Inception:D []», b: 1}", "`:` stands inside a word", "write `InceptionD: []`"
    ),
    "no colon behind a word": Slip(
        "a: {conv2d: 1, «stride 2»}", "a `:` is missing behind `stride`", "write `stride: 2`"
    ),
    "another mark for a colon": Slip(
        "«name; »Net\nb: 1", "`;` stands where `:` belongs, behind `name`", "write `name: Net`"
    ),
    "a comma for a colon": Slip(
        "a: {conv2d«, [»64, 3]}", "`,` stands where `:` belongs behind `conv2d`", "`conv2d: [`"
    ),
    "no space behind a colon": Slip(
        "«doc:T»ext\nb: 1", "a space is missing behind `doc:`", "write `doc: Text`"
    ),
    "a glued list": Slip("a: {«conv2d:[»64, 3]}", "a space is missing behind", "`conv2d: [64, 3]`"),
    "a glued number": Slip(
        "a: {«linear:10»}", "a space is missing behind `linear:`", "`linear: 10`"
    ),
    "a space before a colon": Slip(
        "«name :N»et\nb: 1", "a space is missing behind `name:`", "`name: N"
    ),
    "two colons": Slip("a: {b«: c:» 1}", "two `:` in one entry", "write `, c: ...`"),
    "a colon for a comma": Slip(
        "a: {b: «3:» stride: 2}", "`:` stands where `,` belongs, behind `3`", "write `3, stride: 2`"
    ),
    "a colon for a comma in front of a list": Slip(
        "a: {b: «$n:» shape: [3, 8]}",
        "`:` stands where `,` belongs, behind `$n`",
        "write `$n, shape: [3, 8]`",
    ),
    "a colon between numbers": Slip(
        "a: {b: «3:» 2}", "`:` stands where `,` belongs, behind `3`", "write `[3, 2]`"
    ),
    "a line that stands twice": Slip(
        "¦a: 1\n«a»: 1", "the key `a` stands twice", "the two lines are the same: delete one"
    ),
    "two blocks of one name": Slip(
        "¦a:\n  b: 1\n«a»:\n  b: 1", "the key `a` stands twice", "delete one, or rename it"
    ),
    "a key that stands twice": Slip(
        "b: {¦a: 1, «a»: 2}", "the key `a` stands twice", "delete one, or rename it"
    ),
    "no name": Slip("a: {«:» 1}", "a key without a name", "write a name"),
    "an open list": Slip("a: «[»1, 2¦\nb: 1", "`[` is not closed", "write `]` behind `2`"),
    "an open list in a mapping": Slip(
        "a: {b: «[»64, 3¦, stride: 2}", "`[` is not closed", "write `]` behind `3`"
    ),
    "an open mapping over lines": Slip(
        "a: «{»b: [64, 3], stride: 2,\n    padding: 1¦\nc: 1", "`{` is not closed", "behind `1`"
    ),
    "a mapping closed in a comment": Slip(
        "a: «{»b: 1,  ¦# stride: 2}\nc: 1", "`{` is closed only in a comment", "delete the `#`"
    ),
    "a closer too many": Slip("a: {b: 1}«}»", "`}` closes nothing", "delete the `}`"),
    "a list without its start": Slip(
        "a: {b: ¦64, 3«]», c: 1}", "`]` closes nothing", "write `[` in front of `64`"
    ),
    "a mapping without its start": Slip(
        "a: ¦conv2d: [64, 3], stride: 2«}»", "`}` closes nothing", "write `{` in front of `conv2d:`"
    ),
    "a list inside a list over lines without its start": Slip(
        "a: [relu,\n    {b: ¦64, 3«]», c: 1}, relu,\n    {b: [64, 3]}]",
        "`]` closes nothing",
        "write `[` in front of `64`",
    ),
    "another mark for the start of a list": Slip(
        "a: [relu,\n    {b: ¦:64, 3«]», c: 1}, relu,\n    {b: [64, 3]}]",
        "`]` closes nothing",
        "write `[` in place of `:`",
    ),
    "a closer for the start of a list": Slip(
        "a: {b: [1], c: ¦«]»64, 3]}", "`]` closes nothing", "write `[` in place of `]`"
    ),
    "a closer inside a key": Slip(
        "a: {«ada]pool»: 1}", "`]` stands inside a name", "write `ada_pool`"
    ),
    "a closer for a colon": Slip(
        "a: {b: 1, «when]» train, c: 1}",
        "`]` stands where `:` belongs behind `when`",
        "write `when: train`",
    ),
    "a closer for a dollar": Slip(
        "a: {b: «]s», c: 1}", "`]` closes nothing", "write `$s` in place of `]s`"
    ),
    "a closer for a dollar in a list": Slip(
        "a: {b: [«]width» * 2, 3], c: 1}", "`]` closes nothing", "write `$width` in place"
    ),
    "a comma for the closer": Slip(
        "a: «{»b: 1, c: 2¦,\nd: 1", "`{` is not closed", "write `}` in place of `,`"
    ),
    "another mark for a closer": Slip(
        "a: «{»b: 1, c: 2¦$\nd: 1", "`{` is not closed", "write `}` in place of `$`"
    ),
    "a closer of another kind for the start of a mapping": Slip(
        "a: «]»b: 2, c: [3, 2]}", "`]` stands where `{` belongs", "write `{` in place of `]`"
    ),
    "a closer of another kind for a comma": Slip(
        "a: {b: [«35} 19», 8], c: 1}",
        "`}` stands where `,` belongs behind `35`",
        "write `35, 19`",
    ),
    "a closer for a comma": Slip(
        "a: {b: [35«] 19», 8], c: 1}", "`]` closes before the end", "write `,` in place of the `]`"
    ),
    "an opener for a comma": Slip(
        "a: {b: [«64{» 11], c: 1}", "`{` stands where `,` belongs behind `64`", "write `64, 11`"
    ),
    "an opener for a comma in front of a key": Slip(
        "a: {b: «2[» c: true, d: 1}", "`[` stands where `,` belongs behind `2`", "write `2, c:`"
    ),
    "another mark for the last closer": Slip(
        "a: {b: [1, 2«]-»\nc: 1", "`-` stands where `}` belongs", "write `]}`"
    ),
    "a closer of another kind": Slip("a: ¦[1, 2«}»", "`}` closes a `[`", "write `]`"),
    "a closer of another kind in a list over lines": Slip(
        "a: [relu,\n    ¦{b: [64, 3], c: 1«]», relu,\n    {b: [64, 3]}]",
        "`]` closes a `{`",
        "write `}` in place of `]`, or `[` in place of `{`",
    ),
    "a list over lines that ends early": Slip(
        "a: [relu, relu«],»\n    {b: [64, 3]}]", "`]` closes before the end", "delete the `]`"
    ),
    "closers in the wrong order": Slip(
        "a: {b: [1, «2}]»", "`}` stands where another bracket must close", "the last first"
    ),
    "a list that ends early": Slip(
        "a: [1, 2«] 3», 4]", "`]` closes before the end", "delete the `]`"
    ),
    "two braces": Slip("a: «{{»b: 1}", "`{` stands twice", "delete one `{`"),
    "a brace inside a word": Slip("a: «c{»onv2d: 1}", "`{` stands behind `c`", "write `{conv2d:`"),
    "an open quote": Slip(
        'a: «"x, y»\nb: 1\n', 'the quote `"` is not closed', 'close the text with `"`'
    ),
    "an open quote in a list": Slip(
        "a: [«'x, 3]}»\nb: 1", "the quote `'` is not closed", "close the"
    ),
    "an unknown escape": Slip('a: "«\\q»"', "`\\q` means nothing", "use single quotes"),
    "an at sign": Slip("a: «@x»", "a text cannot start with `@`", 'put the text in quotes: `"@x"`'),
    "a backtick": Slip("a: «`x`»", "a text cannot start with ```", "put the text in quotes"),
    "a percent sign": Slip("a: «%x»", "a text cannot start with `%`", "put the text in quotes"),
    "a star": Slip("a: «*Note* this»", "a text cannot start with `*`", '`"*Note* this"`'),
    "a pipe": Slip(
        "a: «|x»\nb: 1", "a text cannot start with `|`", 'put the text in quotes: `"|x"`'
    ),
    "a glued comment": Slip(
        "a: [«64#» one, 3]", "`#` starts a comment only behind a space", "  # one"
    ),
    "a tab": Slip("a:\n«\t»b: 1", "a tab indents the line", "indent with spaces"),
    "a glued dash": Slip("a:\n  - b\n  «-»{c: 1}", "a `-` stands alone", "write `- {c"),
    "no dash": Slip("a:\n  « {b:» 1}\n   ¦- c\n", "a `-` is missing", "write `- `"),
    "an item above the key of its list": Slip(
        "a:\n  b: ¦relu\n    «- {c: 1}»\n  d:\n    - elu\n",
        "an item of a list stands below `b`, which has a value",
        "move the line below `d:`",
    ),
    "an item below the key behind its list": Slip(
        "a:\n  b:\n    - relu\n  d: ¦{e: 1}\n    «- elu»\n  f: relu\n",
        "an item of a list stands below `d`, which has a value",
        "move the line above `d`",
    ),
    "a list below a value": Slip(
        "a:\n  b: ¦relu\n    «- d: 1»\n    - elu\n  f: relu\n",
        "an item of a list stands below `b`, which has a value",
        "write the key of the list on a line above",
    ),
    "a word in a list below a word": Slip(
        "a:\n  b: relu\n    «- elu»\n  f: relu\n",
        "an item of a list stands below `relu`",
        "move the line below the key of its list",
    ),
    "a list below a value that stands below the key of the list": Slip(
        "a:\n  b:\n  c: ¦[d]\n    «- e: 1»\n    - f: 1\n",
        "an item of a list stands below `c`, which has a value",
        "move `c` above `b:`",
    ),
    "layers without `graph:`": Slip(
        "name: N\n¦inputs: {a: 1}\n  «b»: {c: 1}\n  d: relu\noutputs: d\n",
        "a block stands below `inputs`, which has a value",
        "write `graph:`, the key of the block, on a line above",
    ),
    "changes without `change:`": Slip(
        "name: N\n¦extends: a.yaml\n  «b»: {c: 1}\n  d: relu\nexpect: {}\n",
        "a block stands below `extends`, which has a value",
        "write `change:`, the key of the block, on a line above",
    ),
    "a list goes on without a dash": Slip(
        "- a\n«b»: 1", "a list goes on without `-`", "write `- b`"
    ),
    "a list on its key's line": Slip(
        "a: «-» b", "a list starts on the line of its key", "in brackets"
    ),
    "two items on a line": Slip(
        "a:\n  - b« - »{c: [1], d: 1}\n", "two items on one line", "start a new line"
    ),
    "two keys on a line": Slip(
        "¦name: Net «graph:» {a: relu}",
        "a second key on one line",
        "start a new line in front of `graph`",
    ),
    "two keys in a row": Slip(
        "¦graph: «one:» relu", "a second key on one line", "or write `{one: ...}`"
    ),
    "two entries on a line": Slip("a: {b: 1«} c:» 1", "two entries on one line", "in front of `c`"),
    "a line too deep": Slip(
        f"{GRAPH}¦  three: relu\n«   four»: relu\n  five: relu\n",
        "line 5 is indented by 3, its siblings by 2",
        "indent it by 2",
    ),
    "a line not deep enough": Slip(
        f"{GRAPH}« four»: relu\n  five: relu\n",
        "line 4 is indented by 1, its siblings by 2",
        "indent it by 2",
    ),
    "a first line too deep": Slip(
        "graph:\n«    one»: relu\n¦  two: relu\n  three: relu\n",
        "line 2 is indented by 4, its siblings by 2",
        "indent it by 2",
    ),
    "a block too deep": Slip(
        "blocks:\n«   One»:\n    doc: a\n¦  Two:\n    doc: b\n  Three:\n    doc: c\n",
        "line 2 is indented by 3, its siblings by 2",
        "indent it by 2",
    ),
    "an item too deep": Slip(
        "a:\n  - b: 1\n¦  - c: 1\n«     - d»: 1\n  - e: 1\n",
        "line 4 is indented by 5, its siblings by 2",
        "indent it by 2",
    ),
    "a text that goes on too far left": Slip(
        "doc: one\n«two» three\nname: Net\n", "line 2 has no key", "indent it by at least 2"
    ),
    "a value too far left": Slip(
        "a:\n«{b:» 1}\nc: 1\n", "line 2 has no key", "indent it by at least 2"
    ),
    "a text with a deep first line": Slip(
        "doc: >\n«    »one\n¦  two\n",
        "line 3 of a text is indented by 2, its first line by 4",
        "indent line 2 by 2",
    ),
    "a text with one line too far left": Slip(
        "doc: >\n¦  one\n« »two\n",
        "line 3 of a text is indented by 1, its first line by 2",
        "indent line 3 by 2",
    ),
    "a bracket that a dash stands for": Slip(
        "params: ¦-n2: 3, n3: 4«}»\n", "`}` closes nothing", "write `{` in place of `-`"
    ),
}


def refused(text: str | bytes) -> Diagnostic:
    data = text if isinstance(text, bytes) else text.encode()
    with pytest.raises(SpecError) as error:
        parse(decode(data, "a.yaml"))
    return error.value.diagnostics[0]


@pytest.mark.parametrize("name", SLIPS)
def test_a_slip_is_said_where_it_is(name):
    slip = SLIPS[name]
    plain = re.sub("[«»¦]", "", slip.text)
    start, end = (slip.text.replace("¦", "").find(mark) for mark in "«»")
    note = slip.text.replace("«", "").replace("»", "").find("¦")
    item = refused(plain)
    assert item.span is not None
    assert slip.message in item.message
    assert slip.help in item.help
    assert (item.span.start, item.span.text) == (start, plain[start : end - 1])
    assert note < 0 or note in [label.span.start for label in item.notes]
