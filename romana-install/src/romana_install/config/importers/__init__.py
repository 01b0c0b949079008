"""Other installers' configurations."""
