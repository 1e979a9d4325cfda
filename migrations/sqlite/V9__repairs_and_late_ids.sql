-- One row: how many repairs of the ledger's projections there were, so that one that was overtaken by another knows it.
CREATE TABLE ledger_repairs (
    count INTEGER NOT NULL
) STRICT;
INSERT INTO ledger_repairs (count) VALUES (0);

-- How many of the newest ids may wait to be indexed. It is for all processes that share the store, because whoever starts
-- reads those that are not in the index.
ALTER TABLE ledger_ids_reach ADD COLUMN late_max INTEGER NOT NULL DEFAULT 32768;
