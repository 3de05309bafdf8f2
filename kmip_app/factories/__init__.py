"""How each part of a server is made from its configuration; `kmip_app.container` joins them, and alone calls these."""
