//! Broadcasts of invented worlds.
