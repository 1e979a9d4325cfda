-- What has changed, in order, so that a process can learn what others did: one row for each document that ever did, the
-- number being that of its last change. Kept by triggers, so that no writer can forget it.
CREATE TABLE changes (
    number INTEGER PRIMARY KEY AUTOINCREMENT, -- also the index by which the changes since a number are found
    entity TEXT NOT NULL,                     -- user or campaign
    id     TEXT NOT NULL,
    UNIQUE (entity, id)
) STRICT;

DROP TRIGGER user_changed;
DROP TRIGGER user_deleted;
DROP TABLE user_changes;

-- Every column but overlay_last_seen, which is written twice a minute and concerns no copy.
CREATE TRIGGER user_changed AFTER UPDATE OF
    id, email, name, image, password_hash, role, auth_provider, auth_provider_id, channel_url, categories, languages,
    description, is_active, overlay_position, overlay_size, overlay_opacity, overlay_background, overlay_token,
    tokens_revoked_at, strategy, interval_minutes, weight_payment_rate, weight_performance, weight_fairness, blackouts,
    time_zone, selection_version, test_title, test_media_url, test_media_type, test_expires_at, created_at, updated_at,
    other_fields
ON users
BEGIN
    DELETE FROM changes WHERE entity = 'user' AND id = old.id;
    INSERT INTO changes (entity, id) VALUES ('user', old.id);
END;

CREATE TRIGGER user_deleted AFTER DELETE ON users
BEGIN
    DELETE FROM changes WHERE entity = 'user' AND id = old.id;
    INSERT INTO changes (entity, id) VALUES ('user', old.id);
END;

-- Every column but remaining_micros, which is written with every batch.
CREATE TRIGGER campaign_changed AFTER UPDATE OF
    id, title, description, brand_id, budget_micros, media_url, media_type, click_url, status, categories, languages,
    start_date, end_date, payment_type, payment_rate_micros, expected_impressions, created_at, updated_at, other_fields
ON campaigns
BEGIN
    DELETE FROM changes WHERE entity = 'campaign' AND id = old.id;
    INSERT INTO changes (entity, id) VALUES ('campaign', old.id);
END;

-- Whether the money suffices for one unit.
CREATE TRIGGER campaign_funds_changed AFTER UPDATE OF remaining_micros ON campaigns
WHEN (old.remaining_micros < new.payment_rate_micros
          / CASE new.payment_type WHEN 'cpm' THEN 1000 WHEN 'cpc' THEN 1 ELSE new.expected_impressions END)
  <> (new.remaining_micros < new.payment_rate_micros
          / CASE new.payment_type WHEN 'cpm' THEN 1000 WHEN 'cpc' THEN 1 ELSE new.expected_impressions END)
BEGIN
    DELETE FROM changes WHERE entity = 'campaign' AND id = old.id;
    INSERT INTO changes (entity, id) VALUES ('campaign', old.id);
END;

CREATE TRIGGER campaign_deleted AFTER DELETE ON campaigns
BEGIN
    DELETE FROM changes WHERE entity = 'campaign' AND id = old.id;
    INSERT INTO changes (entity, id) VALUES ('campaign', old.id);
END;

-- To their screen. Its counters are written with every batch; nothing else of it is shown.
CREATE TRIGGER participation_changed AFTER UPDATE OF status ON participations
BEGIN
    DELETE FROM changes WHERE entity = 'user' AND id = old.streamer_id;
    INSERT INTO changes (entity, id) VALUES ('user', old.streamer_id);
END;

CREATE TRIGGER participation_deleted AFTER DELETE ON participations
BEGIN
    DELETE FROM changes WHERE entity = 'user' AND id = old.streamer_id;
    INSERT INTO changes (entity, id) VALUES ('user', old.streamer_id);
END;
