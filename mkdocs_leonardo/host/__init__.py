"""Everything that depends on MkDocs or on other plugins, a file for each subject."""
