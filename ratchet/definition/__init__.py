"""A pipeline definition: one reader of its JSON, and one table of its step types.

Needs the standard library alone, so that authoring, importer, constructs, runner, local cloud and
command line read definitions in one way. `document.read` is the reader, `step_types` the table.
"""
