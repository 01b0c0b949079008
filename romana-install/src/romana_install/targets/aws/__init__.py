"""The target `aws`: what is asked of AWS before and after the playbooks have worked there."""
