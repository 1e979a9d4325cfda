//! Sponsorships for live streams: the GameTriggers server
