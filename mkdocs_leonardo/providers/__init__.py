"""Services that make pictures."""

#: The providers that come with the plugin, in the order of messages.
BUILT_IN = ("leonardo", "openai", "gemini")
