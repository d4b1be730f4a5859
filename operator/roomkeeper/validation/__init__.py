"""What the API server would say of a manifest, without one: unknown fields, schema, list keys and CEL rules.

The messages are the API server's own (kube-openapi's validation, apiextensions-apiserver's strategy.go). `cli` alone uses it.
"""
