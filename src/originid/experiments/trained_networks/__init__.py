"""Networks trained on pairs, which the paper compares its map with (extra ``[train]``).

Its Tables 3 and 10: a ViT with three losses, IBN-Net, QAConv-GS and TransMatcher. `settings` and
`sampling` need numpy only; the others need torch.
"""
