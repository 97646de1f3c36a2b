"""All that knows MkDocs and the plugins beside this one: a file for each subject."""
