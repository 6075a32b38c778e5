"""The small trading service that rehearsals launch: accounts, orders, prices; one process an instance."""
