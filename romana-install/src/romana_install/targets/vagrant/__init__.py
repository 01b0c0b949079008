"""The target `vagrant`: what is asked of Vagrant, and whether this machine can give it."""
