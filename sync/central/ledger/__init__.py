"""The feed to the general ledger for the whole operator: batches as the tills made them, told and delivered."""
