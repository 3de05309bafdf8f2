"""The settings, a module for what belongs together; `kmip_app.configuration.settings` has all of them."""
