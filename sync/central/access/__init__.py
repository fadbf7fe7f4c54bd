"""Who may speak to central: clients, their tokens, what each route asks of them, and the audit of all of it."""
