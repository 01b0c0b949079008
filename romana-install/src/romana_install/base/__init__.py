"""What everything stands on: errors, files, findings, this machine, the terminal."""
