"""Learning the map by gradient descent, the paper's section 4.3 (extra ``[train]``).

`settings` and `batches` need numpy only; `fit` needs torch.
"""
