"""What an operator decides: settings, where they come from, and the checks made of them."""
