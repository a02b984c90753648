netspec: internal error: UnexpectedCode: generated code holds `isinstance(module, nn.Linear) and module.bias is not None`, a BoolOp in line 40
netspec: this is a bug in netspec, not in your spec. Please report it with the spec and the output under NETSPEC_TRACEBACK=1.
