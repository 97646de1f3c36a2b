"""The commands of `mkdocs-leonardo`, a module for each. `mkdocs_leonardo.cli` reads the command line.

Commands share `site` (the site's pages), `hero_status` (each hero's status), `purchases` (plan, question and payment),
`terminal` (the console) and `sheet` (contact sheets). `zensical` is for sites that Zensical builds.
"""
