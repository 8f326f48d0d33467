"""The HTTP API and the page: the only code that knows HTTP (extra ``[serve]``)."""
