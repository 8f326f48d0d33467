"""Details: local features and geometric verification, a second look at the best references."""
