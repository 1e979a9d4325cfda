//! The embedded storage backend of GameTriggers, on SQLite
