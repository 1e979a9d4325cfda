-- Nothing asks for the entries of a participation, and each event changed a page of this index besides those of the ledger.
DROP INDEX ledger_entries_by_participation;
