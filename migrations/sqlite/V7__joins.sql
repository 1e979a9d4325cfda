-- A screen that is empty is kept in memory like any other, so what may fill it is told, too: a new participation, to its
-- streamer's screen, and a campaign that comes after those who have joined it.
CREATE TRIGGER participation_inserted AFTER INSERT ON participations
BEGIN
    DELETE FROM changes WHERE entity = 'user' AND id = new.streamer_id;
    INSERT INTO changes (entity, id) VALUES ('user', new.streamer_id);
END;

CREATE TRIGGER campaign_inserted AFTER INSERT ON campaigns
BEGIN
    DELETE FROM changes WHERE entity = 'campaign' AND id = new.id;
    INSERT INTO changes (entity, id) VALUES ('campaign', new.id);
END;
