"""What people meet: the command line, and errors and results as they see them."""
