-- The course of the broadcast, which a decision passes to the next: JSON.
ALTER TABLE decisions ADD COLUMN broadcast TEXT NOT NULL DEFAULT '{}';

-- The values of strategies' parameters (JSON: strategy to parameter to value), and the distance between campaigns.
ALTER TABLE users ADD COLUMN strategy_parameters TEXT NOT NULL DEFAULT '{}';
ALTER TABLE users ADD COLUMN slots_in_a_row INTEGER NOT NULL DEFAULT 0;
ALTER TABLE users ADD COLUMN slots_between INTEGER NOT NULL DEFAULT 0;

-- As before, with the new columns.
DROP TRIGGER user_changed;
CREATE TRIGGER user_changed AFTER UPDATE OF
    id, email, name, image, password_hash, role, auth_provider, auth_provider_id, channel_url, categories, languages,
    description, is_active, overlay_position, overlay_size, overlay_opacity, overlay_background, overlay_token,
    tokens_revoked_at, strategy, interval_minutes, weight_payment_rate, weight_performance, weight_fairness,
    strategy_parameters, slots_in_a_row, slots_between, blackouts, time_zone, selection_version, test_title,
    test_media_url, test_media_type, test_expires_at, created_at, updated_at, other_fields
ON users
BEGIN
    DELETE FROM changes WHERE entity = 'user' AND id = old.id;
    INSERT INTO changes (entity, id) VALUES ('user', old.id);
END;
