"""Where bytes are kept. What a driver must offer is said by the registry, which calls it (``registry.ports``)."""
