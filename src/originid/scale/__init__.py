"""What outgrows one machine, by Ray Data; the only code that knows Ray."""
