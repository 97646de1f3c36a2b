"""Services that make pictures."""

#: The providers that come with the plugin, in the order of messages.
BUILT_IN = ("leonardo", "openai", "gemini")


def named_key_variable(name: str) -> str:
    """Return the environment variable that is named after the provider."""
    return f"{name.upper().replace('-', '_')}_API_KEY"
