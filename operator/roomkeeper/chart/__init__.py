"""Writes what the Helm chart has from elsewhere: CRDs, permissions, the table of its values."""
