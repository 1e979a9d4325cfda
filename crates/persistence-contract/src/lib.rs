//! The laws that every storage backend of GameTriggers passes
