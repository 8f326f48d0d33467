"""Learning the map by gradient descent, as in the paper's section 4.3 (extra ``[train]``).

`settings` and `batches` need only numpy; `fit` needs torch.
"""
