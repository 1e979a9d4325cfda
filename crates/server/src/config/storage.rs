//! `storage.*`: the store.

use std::fmt;

use serde::Deserialize;

/// The store and its migrations.
#[derive(Debug, Clone, Deserialize)]
#[serde(deny_unknown_fields, default)]
pub struct StorageSettings {
    /// The address of the store.
    pub url: StoreUrl,
    /// Whether `serve` applies missing migrations when it starts.
    pub migrate_on_start: bool,
}

impl Default for StorageSettings {
    fn default() -> Self {
        Self { url: StoreUrl("sqlite://data/gametriggers.db".to_owned()), migrate_on_start: true }
    }
}

/// `sqlite://<path>` or `mongodb://<hosts>/<database>`. The scheme chooses the backend. An invalid address is refused when
/// [`Store`](crate::Store) opens the store. `Debug` hides the text, because it may hold a password.
#[derive(Clone, Deserialize)]
pub struct StoreUrl(String);

impl StoreUrl {
    /// The text, which may hold a password.
    #[must_use]
    pub fn expose(&self) -> &str {
        &self.0
    }

    /// The path of the file if the store is SQLite; `None` otherwise.
    #[must_use]
    pub fn sqlite_path(&self) -> Option<&str> {
        self.0.strip_prefix("sqlite://")
    }
}

impl fmt::Debug for StoreUrl {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("StoreUrl(..)")
    }
}

#[cfg(test)]
mod tests {
    use super::{super::read, *};

    #[test]
    fn a_password_is_not_printed() {
        let storage: StorageSettings = read("url = 'mongodb://karma:hunter2@host/game'").unwrap();
        assert!(!format!("{storage:?}").contains("hunter2"));
        assert_eq!(storage.url.expose(), "mongodb://karma:hunter2@host/game");
    }

    #[test]
    fn only_an_embedded_store_has_a_path() {
        let path = |url: &str| StoreUrl(url.to_owned()).sqlite_path().map(str::to_owned);
        assert_eq!(path("sqlite:///var/lib/game.db").as_deref(), Some("/var/lib/game.db"));
        assert_eq!(path("mongodb://host/game"), None);
    }

    #[test]
    fn migrations_are_applied_unless_it_is_forbidden() {
        assert!(StorageSettings::default().migrate_on_start);
        assert!(!read::<StorageSettings>("migrate_on_start = false").unwrap().migrate_on_start);
        assert!(read::<StorageSettings>("migrate_on_start = 'perhaps'").is_err());
    }
}
