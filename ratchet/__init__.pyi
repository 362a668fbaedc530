from ratchet.api import connect as connect
