"""What recorded runs cost together: rows grouped and added up.

Nothing here asks AWS, or knows how a report is drawn. Money is added up as Decimal, so a total is
exact to the nanodollar that a row keeps.
"""
