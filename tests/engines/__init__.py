"""A package, so that servers stop after its tests: a fixture's scope "package" asks for one."""
