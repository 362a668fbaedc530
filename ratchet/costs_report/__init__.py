"""What recorded runs cost together: rows in columns, grouped and added up (pyarrow).

Nothing here asks AWS, or knows how a report is drawn. Money is added up as decimal128(38, 9), so a
total is exact to the nanodollar that a row keeps.
"""
