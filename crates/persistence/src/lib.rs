//! What GameTriggers asks of a store: repository traits, the ledger, one error
