"""What packet filters of others on a machine (Docker's, ufw's, firewalld's, anybody's) do to our packets."""
