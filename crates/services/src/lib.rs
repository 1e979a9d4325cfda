//! The use cases of GameTriggers over its rules and its store
