"""Network → a standalone PyTorch module, written as a person would."""
