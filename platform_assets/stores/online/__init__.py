"""The online store: the latest values of every entity, packed into hashes of a Valkey or Redis (semantics.md 9)."""
