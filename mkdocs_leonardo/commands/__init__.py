"""The commands of `mkdocs-leonardo`, a module for each. `mkdocs_leonardo.cli` reads the command line.

Commands share `site` (the site's pages), `hero_status` (each hero's status) and `purchases` (plan, question and
payment). They write by `terminal` (the console), `folders` (what the user gets) and `sheet` (contact sheets).
`zensical` is for sites that Zensical builds.
"""
