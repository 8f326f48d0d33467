"""The paper's theory, measured: Lemma 1, Theorem 1, Observation 1 (Table 1) and Table 4."""
