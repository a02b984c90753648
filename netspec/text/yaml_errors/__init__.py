"""What is wrong with a text of YAML, in a spec writer's words."""
