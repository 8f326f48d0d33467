"""Views: what may have been done to a query before it was found, and how it is undone.

`looks` composes the others, all of them pure functions: `moves` undoes mirroring and turning,
`blocks` finds what a frame holds, `places` puts a query that is a part of a reference where it may
lie in it, `parts` moves pieces of a redrawn one, `normalise` makes scores comparable, and
`shortlist` says which references are worth a closer look.
"""
