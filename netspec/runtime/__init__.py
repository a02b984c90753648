"""Generated code at work, in PyTorch."""
