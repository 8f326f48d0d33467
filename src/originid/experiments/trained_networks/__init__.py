"""Networks that are trained on pairs, with which the paper compares its map (extra ``[train]``).

They are the rows of Tables 3 and 10 (Section 5.4, Appendix F): a ViT with three losses, IBN-Net,
QAConv-GS and TransMatcher. `settings` and `sampling` need numpy only; the other modules need torch.
"""
