"""LiveKit: API client, participant tokens, webhooks, and an in-memory server. Only here is its SDK imported."""
