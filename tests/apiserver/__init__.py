"""An API server for tests of the operator. (Not under tests/operator: `operator` is a module of the
standard library, so nothing can be imported from there.)"""
