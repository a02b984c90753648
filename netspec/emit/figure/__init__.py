"""The page figure: a network drawn as in a paper, with no dependency.

`diagram` says what is drawn and how it is linked, `boxes` draws each box, `branches` puts them
beside and `stack` below each other, `columns` finds where the page breaks them, `ushape` bends
them, `page` fits all on it, `svg` writes it down.
"""
