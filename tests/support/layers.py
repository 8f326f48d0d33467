"""Which room of the package may import from which: what the test of layers enforces."""

# A room is a folder or a file of the package. It may import from the rooms of the lines before
# its own, and from nothing of its own line: there is no circle, also not among siblings.
LAYERS = (
    ("errors", "types", ""),  # "" is the package itself, which holds its version
    ("system",),
    ("images", "index", "maps", "verdict"),
    ("answer", "datasets", "details", "encoders"),
    ("latents", "model_description", "testing", "views", "watching"),
    ("inputs", "model"),
    ("collection", "explain"),
    ("fingerprinting", "query_vectors", "scale"),
    ("answering",),
    ("escalation",),
    ("explaining",),
    ("copying", "finder", "indexing", "training", "upgrading"),
    ("evaluation", "demo", "report"),
    ("generation",),
    ("client", "experiments", "service"),
    ("cli",),
    ("__main__",),
)
# The rooms inside of the two largest folders, by the same rule.
INNER_LAYERS = {
    "experiments": (
        ("paper", "trained_networks"),
        ("scale",),
        ("inputs",),
        ("report",),
        ("harness",),
        ("theory",),
        ("tables",),
        ("",),
    ),
    "generation": (("diffusion", "prompts", ""), ("sets",)),
}
