"""The page figure: a network drawn as in a paper, with no dependency.

`tree` says what is drawn, `flow` how its parts follow each other, `place` where they stand,
`page` how columns wrap onto a page, `svg` writes it down.
"""
