-- Batches of events change as few pages as they can.

-- Entries lie in the order in which they came. Rows are never changed and never deleted.
CREATE TABLE entries (
    number           INTEGER PRIMARY KEY,
    id               TEXT NOT NULL, -- no two are alike
    participation_id TEXT NOT NULL,
    campaign_id      TEXT NOT NULL,
    kind             TEXT NOT NULL,
    units            INTEGER NOT NULL,
    at_ms            INTEGER NOT NULL,
    paid_units       INTEGER NOT NULL,
    unpaid_units     INTEGER NOT NULL,
    amount_micros    INTEGER NOT NULL,
    rejection        TEXT -- the reason; null where it counts
) STRICT;
INSERT INTO entries
    SELECT rowid, id, participation_id, campaign_id, kind, units, at_ms, paid_units, unpaid_units,
           amount_micros, rejection
    FROM ledger_entries ORDER BY rowid;
DROP TABLE ledger_entries;
ALTER TABLE entries RENAME TO ledger_entries;

-- Where an entry is, by a digest of its id: the first 16 bytes of its SHA-256, which `id_digest` (a function of the program)
-- gives. The newest entries may not be in it yet.
CREATE TABLE ledger_ids (
    digest BLOB PRIMARY KEY,
    number INTEGER NOT NULL
) STRICT, WITHOUT ROWID;
INSERT INTO ledger_ids SELECT id_digest(id), number FROM ledger_entries ORDER BY 1;

-- One row: all entries up to `number` are in ledger_ids, and of those up to `round_number` all whose digest is not greater than
-- `round_digest`.
CREATE TABLE ledger_ids_reach (
    number       INTEGER NOT NULL,
    round_number INTEGER NOT NULL,
    round_digest BLOB
) STRICT;
INSERT INTO ledger_ids_reach SELECT ifnull(max(number), 0), ifnull(max(number), 0), NULL FROM ledger_entries;

-- Counters lie apart from what never changes with them. A participation that holds nothing has no row.
CREATE TABLE participation_counters (
    participation_id TEXT PRIMARY KEY,
    impressions      INTEGER NOT NULL,
    clicks           INTEGER NOT NULL,
    chat_clicks      INTEGER NOT NULL,
    qr_scans         INTEGER NOT NULL,
    link_clicks      INTEGER NOT NULL,
    visits           INTEGER NOT NULL,
    paid_units       INTEGER NOT NULL,
    earnings_micros  INTEGER NOT NULL,
    peak_viewers     INTEGER NOT NULL,
    viewer_sum       INTEGER NOT NULL,
    viewer_samples   INTEGER NOT NULL
) STRICT, WITHOUT ROWID;
INSERT INTO participation_counters
    SELECT id, impressions, clicks, chat_clicks, qr_scans, link_clicks, visits, paid_units, earnings_micros, peak_viewers,
           viewer_sum, viewer_samples
    FROM participations
    WHERE (impressions, clicks, chat_clicks, qr_scans, link_clicks, visits, paid_units, earnings_micros, peak_viewers,
           viewer_sum, viewer_samples) <> (0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0);
ALTER TABLE participations DROP COLUMN impressions;
ALTER TABLE participations DROP COLUMN clicks;
ALTER TABLE participations DROP COLUMN chat_clicks;
ALTER TABLE participations DROP COLUMN qr_scans;
ALTER TABLE participations DROP COLUMN link_clicks;
ALTER TABLE participations DROP COLUMN visits;
ALTER TABLE participations DROP COLUMN paid_units;
ALTER TABLE participations DROP COLUMN earnings_micros;
ALTER TABLE participations DROP COLUMN peak_viewers;
ALTER TABLE participations DROP COLUMN viewer_sum;
ALTER TABLE participations DROP COLUMN viewer_samples;

CREATE TRIGGER participation_counters_deleted AFTER DELETE ON participations
BEGIN
    DELETE FROM participation_counters WHERE participation_id = old.id;
END;

CREATE VIEW participations_with_counters AS
    SELECT p.*, ifnull(impressions, 0) AS impressions, ifnull(clicks, 0) AS clicks, ifnull(chat_clicks, 0) AS chat_clicks,
           ifnull(qr_scans, 0) AS qr_scans, ifnull(link_clicks, 0) AS link_clicks, ifnull(visits, 0) AS visits,
           ifnull(paid_units, 0) AS paid_units, ifnull(earnings_micros, 0) AS earnings_micros,
           ifnull(peak_viewers, 0) AS peak_viewers, ifnull(viewer_sum, 0) AS viewer_sum,
           ifnull(viewer_samples, 0) AS viewer_samples
    FROM participations p LEFT JOIN participation_counters ON participation_id = p.id;

-- The quarter-hour that is counted now lies together, whoever is counted.
CREATE TABLE quarters (
    quarter_ms       INTEGER NOT NULL,
    participation_id TEXT NOT NULL,
    campaign_id      TEXT NOT NULL,
    impressions      INTEGER NOT NULL,
    clicks           INTEGER NOT NULL,
    chat_clicks      INTEGER NOT NULL,
    qr_scans         INTEGER NOT NULL,
    link_clicks      INTEGER NOT NULL,
    visits           INTEGER NOT NULL,
    paid_units       INTEGER NOT NULL,
    earnings_micros  INTEGER NOT NULL,
    peak_viewers     INTEGER NOT NULL,
    viewer_sum       INTEGER NOT NULL,
    viewer_samples   INTEGER NOT NULL,
    PRIMARY KEY (quarter_ms, participation_id)
) STRICT, WITHOUT ROWID;
INSERT INTO quarters
    SELECT quarter_ms, participation_id, campaign_id, impressions, clicks, chat_clicks, qr_scans, link_clicks, visits,
           paid_units, earnings_micros, peak_viewers, viewer_sum, viewer_samples
    FROM rollups;
DROP TABLE rollups;
ALTER TABLE quarters RENAME TO rollups;
CREATE INDEX rollups_by_participation ON rollups (participation_id);
