-- What the lab's replay reads in order of time: the decisions of all streamers.
CREATE INDEX decisions_by_time ON decisions (from_ms);
