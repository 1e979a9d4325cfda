-- Ids are 24 hexadecimal digits, times milliseconds since the epoch (UTC), money whole micro-units.

CREATE TABLE users (
    id                  TEXT PRIMARY KEY,
    email               TEXT NOT NULL UNIQUE,
    name                TEXT NOT NULL,
    image               TEXT,
    password_hash       TEXT,
    role                TEXT NOT NULL,
    auth_provider       TEXT NOT NULL,
    auth_provider_id    TEXT,
    channel_url         TEXT,
    categories          TEXT NOT NULL, -- JSON array of strings
    languages           TEXT NOT NULL, -- JSON array of strings
    description         TEXT,
    is_active           INTEGER NOT NULL,
    overlay_position    TEXT NOT NULL,
    overlay_size        TEXT NOT NULL,
    overlay_opacity     REAL NOT NULL,
    overlay_background  TEXT NOT NULL,
    overlay_token       TEXT UNIQUE,
    tokens_revoked_at   INTEGER,
    overlay_last_seen   INTEGER,
    strategy            TEXT NOT NULL,
    interval_minutes    INTEGER NOT NULL,
    weight_payment_rate REAL NOT NULL,
    weight_performance  REAL NOT NULL,
    weight_fairness     REAL NOT NULL,
    blackouts           TEXT NOT NULL, -- JSON array of {startTime, endTime, days}
    time_zone           TEXT NOT NULL,
    selection_version   INTEGER NOT NULL,
    test_title          TEXT,
    test_media_url      TEXT,
    test_media_type     TEXT,
    test_expires_at     INTEGER,
    created_at          INTEGER NOT NULL,
    updated_at          INTEGER NOT NULL,
    other_fields        TEXT NOT NULL  -- what an import carried over and this version does not use
) STRICT;

CREATE TABLE campaigns (
    id                   TEXT PRIMARY KEY,
    title                TEXT NOT NULL,
    description          TEXT,
    brand_id             TEXT NOT NULL,
    budget_micros        INTEGER NOT NULL,
    remaining_micros     INTEGER NOT NULL,
    media_url            TEXT NOT NULL,
    media_type           TEXT NOT NULL,
    click_url            TEXT,
    status               TEXT NOT NULL,
    categories           TEXT NOT NULL,
    languages            TEXT NOT NULL,
    start_date           INTEGER,
    end_date             INTEGER,
    payment_type         TEXT NOT NULL,
    payment_rate_micros  INTEGER NOT NULL,
    expected_impressions INTEGER NOT NULL,
    created_at           INTEGER NOT NULL,
    updated_at           INTEGER NOT NULL,
    other_fields         TEXT NOT NULL
) STRICT;

-- No foreign keys: a database of the previous system may hold participations whose campaign is gone.
CREATE TABLE participations (
    id                     TEXT PRIMARY KEY,
    campaign_id            TEXT NOT NULL,
    streamer_id            TEXT NOT NULL,
    status                 TEXT NOT NULL,
    impressions            INTEGER NOT NULL,
    clicks                 INTEGER NOT NULL,
    chat_clicks            INTEGER NOT NULL,
    qr_scans               INTEGER NOT NULL,
    link_clicks            INTEGER NOT NULL,
    visits                 INTEGER NOT NULL,
    paid_units             INTEGER NOT NULL,
    earnings_micros        INTEGER NOT NULL,
    peak_viewers           INTEGER NOT NULL,
    viewer_sum             INTEGER NOT NULL,
    viewer_samples         INTEGER NOT NULL,
    average_viewers_before REAL NOT NULL,
    browser_source_token   TEXT NOT NULL UNIQUE,
    browser_source_url     TEXT NOT NULL,
    joined_at              INTEGER NOT NULL,
    tracking_url           TEXT,
    qr_code_url            TEXT,
    chat_command           TEXT,
    created_at             INTEGER NOT NULL,
    updated_at             INTEGER NOT NULL,
    other_fields           TEXT NOT NULL,
    UNIQUE (streamer_id, campaign_id)
) STRICT;

-- The first row under a key is the only one there will ever be.
CREATE TABLE decisions (
    streamer_id      TEXT NOT NULL,
    ordinal          INTEGER NOT NULL,
    from_ms          INTEGER NOT NULL,
    until_ms         INTEGER NOT NULL,
    slot_start_ms    INTEGER NOT NULL,
    settings_version INTEGER NOT NULL,
    basis            TEXT NOT NULL,
    content          TEXT NOT NULL, -- JSON: the draw, or why there is none
    tally            TEXT NOT NULL, -- JSON: campaign to time on screen in this broadcast
    PRIMARY KEY (streamer_id, ordinal)
) STRICT, WITHOUT ROWID;

-- Rows are never changed and never deleted.
CREATE TABLE ledger_entries (
    id               TEXT PRIMARY KEY,
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

CREATE INDEX ledger_entries_by_participation ON ledger_entries (participation_id, at_ms);

-- What a participation or campaign held before its first entry: `opening:{id}`.
CREATE TABLE participation_openings (
    id               TEXT PRIMARY KEY,
    participation_id TEXT NOT NULL UNIQUE,
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
) STRICT;

CREATE TABLE campaign_openings (
    id               TEXT PRIMARY KEY,
    campaign_id      TEXT NOT NULL UNIQUE,
    remaining_micros INTEGER NOT NULL
) STRICT;

-- Sums of a participation's entries by the quarter-hour (UTC) of the event.
CREATE TABLE rollups (
    participation_id TEXT NOT NULL,
    quarter_ms       INTEGER NOT NULL,
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
    PRIMARY KEY (participation_id, quarter_ms)
) STRICT, WITHOUT ROWID;
