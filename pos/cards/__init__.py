"""Card terminals: their protocols, spoken behind the port ``CardTerminal``. They know the domain and HTTP only."""
