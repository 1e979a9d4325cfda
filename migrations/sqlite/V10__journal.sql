-- Movements of money that are no events. Rows are never changed and never deleted.
CREATE TABLE journal (
    number           INTEGER PRIMARY KEY,
    id               TEXT NOT NULL UNIQUE,
    kind             TEXT NOT NULL, -- budget, release, settlement or payout
    campaign_id      TEXT,
    participation_id TEXT,
    streamer_id      TEXT,
    before_micros    INTEGER,          -- of a change of a budget: the budget until then
    amount_micros    INTEGER NOT NULL, -- of a change of a budget: the budget from then on
    at_ms            INTEGER NOT NULL,
    by_user_id       TEXT,
    note             TEXT
) STRICT;

CREATE INDEX journal_by_campaign ON journal (campaign_id, number) WHERE campaign_id IS NOT NULL;
CREATE INDEX journal_by_streamer ON journal (streamer_id, number) WHERE streamer_id IS NOT NULL;

-- Sums of a streamer's settlements and payouts.
CREATE TABLE accounts (
    streamer_id    TEXT PRIMARY KEY,
    settled_micros INTEGER NOT NULL,
    paid_micros    INTEGER NOT NULL
) STRICT, WITHOUT ROWID;

-- A settlement goes through the participations of a campaign.
CREATE INDEX participations_by_campaign ON participations (campaign_id, id);
