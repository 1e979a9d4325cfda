-- What the lab's replay reads in order of time: the decisions of all streamers, and the entries that earned money. Most entries
-- are clicks, which earn nothing, so most events do not change the second index.
CREATE INDEX decisions_by_time ON decisions (from_ms);
CREATE INDEX ledger_entries_paid ON ledger_entries (at_ms, id) WHERE amount_micros > 0;
