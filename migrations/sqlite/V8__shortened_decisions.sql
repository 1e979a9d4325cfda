-- By which old decisions are found that are still to be shortened: those that carry a tally.
CREATE INDEX decisions_to_shorten ON decisions (until_ms) WHERE tally <> '{}';
