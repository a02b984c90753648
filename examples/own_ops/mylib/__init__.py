"""A library of layers, with ops by which specs of netspec name them."""
