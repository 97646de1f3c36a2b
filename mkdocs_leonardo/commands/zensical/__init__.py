"""Sites that Zensical builds. Zensical runs no MkDocs plugins, but it runs Markdown extensions.

The steps of `mkdocs-leonardo zensical build`, with the modules that do them:

1. `build` is the command.
2. `project` reads the site's configuration, and then the heroes of its pages. It does not need MkDocs.
3. `heroes` makes missing images after a question, and writes the manifest (`page.manifest`). It writes its state too,
   with which a build of an unchanged site parses the configuration alone.
4. `launch` runs Zensical with the Markdown extension (`markdown`), which shows each page's hero from the manifest.
5. `build` puts the images into the site, and `page.head` moves each page's tags for sharing into its head.

`zensical serve` (`serve`) repeats the steps 2 and 3 whenever a file of the site changes.

`generate --into` a folder of the documentation needs none of these commands afterwards: `commands.folders` writes
images and manifest there, and Zensical copies the images itself.
"""
