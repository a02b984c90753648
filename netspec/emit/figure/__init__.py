"""The page figure: a network drawn as in a paper, with no dependency.

`diagram` says what is drawn and how it is linked, `boxes` draws each box, `stack` puts them below
and beside each other, `columns` finds where the page breaks them, `page` fits all on it, `svg`
writes it down.
"""
