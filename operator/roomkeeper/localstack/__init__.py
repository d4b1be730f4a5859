"""The real parts that the demo and the tests run against, found or built once, started on 127.0.0.1."""

from .errors import LocalStackError
from .kubectl import KubectlError
from .stack import ALL_PARTS, LocalStack

__all__ = ["ALL_PARTS", "KubectlError", "LocalStack", "LocalStackError"]
