"""The feed to the general ledger as files: what the accounting system reads, made of batches and of journal entries."""
