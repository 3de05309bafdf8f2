"""Request and response messages: headers, batches, and what each protocol version means by them."""
