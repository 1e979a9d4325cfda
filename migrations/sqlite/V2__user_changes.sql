-- Which users have changed, in order, so that a process can learn what others did: one row for each user who ever did,
-- the number being that of their last change. Kept by triggers, so that no writer can forget it.
CREATE TABLE user_changes (
    number  INTEGER PRIMARY KEY AUTOINCREMENT, -- also the index by which the changes since a number are found
    user_id TEXT NOT NULL UNIQUE
) STRICT;

-- Every column but overlay_last_seen, which is written twice a minute and concerns no copy.
CREATE TRIGGER user_changed AFTER UPDATE OF
    id, email, name, image, password_hash, role, auth_provider, auth_provider_id, channel_url, categories, languages,
    description, is_active, overlay_position, overlay_size, overlay_opacity, overlay_background, overlay_token,
    tokens_revoked_at, strategy, interval_minutes, weight_payment_rate, weight_performance, weight_fairness, blackouts,
    time_zone, selection_version, test_title, test_media_url, test_media_type, test_expires_at, created_at, updated_at,
    other_fields
ON users
BEGIN
    DELETE FROM user_changes WHERE user_id = old.id;
    INSERT INTO user_changes (user_id) VALUES (old.id);
END;

CREATE TRIGGER user_deleted AFTER DELETE ON users
BEGIN
    DELETE FROM user_changes WHERE user_id = old.id;
    INSERT INTO user_changes (user_id) VALUES (old.id);
END;
