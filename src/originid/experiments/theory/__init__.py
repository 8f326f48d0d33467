"""The paper's theory (Section 4), measured: Lemma 1, Theorem 1, Observation 1 and Table 4."""
