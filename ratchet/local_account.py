"""The account of the local cloud. On AWS it belongs to nobody."""

LOCAL_ACCOUNT = "000000000000"
