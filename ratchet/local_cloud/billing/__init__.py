"""The Price List and Cost Explorer of a local cloud, without the server: what the calls answer."""
