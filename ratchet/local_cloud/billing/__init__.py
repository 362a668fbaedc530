"""The answers of a local cloud's Price List and Cost Explorer, without the server."""
