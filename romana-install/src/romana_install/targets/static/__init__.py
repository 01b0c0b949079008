"""The target `static`: servers that are there already, which their owner names in an inventory of Ansible's."""
