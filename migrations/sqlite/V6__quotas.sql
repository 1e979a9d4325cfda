-- Why an entry is counted and not paid, where a rule other than the price says so.
ALTER TABLE ledger_entries ADD COLUMN unpaid_reason TEXT;

-- How many entries of each quota were paid. A row is of no use any more some hours after its minute or hour, and may go; they
-- lie in the order of time, so that those which go lie together.
CREATE TABLE quotas (
    since_ms INTEGER NOT NULL, -- when the minute or hour began
    key      TEXT NOT NULL,
    used     INTEGER NOT NULL,
    PRIMARY KEY (since_ms, key)
) STRICT, WITHOUT ROWID;
