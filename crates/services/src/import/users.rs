//! Imports `users`.

use async_trait::async_trait;
use gametriggers_documents::{Fields, Problem, users};
use gametriggers_persistence::{Insertions, NewUser, Repositories, StorageError};

use super::collection::{Collection, Obstacle};

/// The [`Collection`] of users.
pub(super) struct Users;

#[async_trait]
impl Collection for Users {
    const FILE: &'static str = "users.json";
    type Read = NewUser;
    type New = NewUser;

    fn read(fields: &mut Fields) -> Result<NewUser, Problem> {
        Ok(NewUser {
            user: users::read(fields)?,
            password_hash: users::password(fields)?,
            other_fields: fields.rest()?,
        })
    }

    async fn settle(
        &mut self,
        _: &Repositories,
        read: NewUser,
        _: &mut Vec<Problem>,
    ) -> Result<NewUser, Obstacle> {
        Ok(read)
    }

    async fn insert_all(storage: &Repositories, new: Vec<NewUser>) -> Result<Insertions, StorageError> {
        storage.users.insert_all_if_absent(new).await
    }
}

#[cfg(test)]
mod tests {
    use serde_json::{Value, json};

    use super::*;

    /// The documents of the previous database, by line from 0.
    fn previous(line: usize) -> NewUser {
        let users = include_str!("../../tests/previous-database/users.json");
        Users::read(&mut Fields::parse(users.lines().nth(line).unwrap().as_bytes()).unwrap()).unwrap()
    }

    #[test]
    fn the_password_is_kept_apart_from_the_user() {
        assert!(previous(2).password_hash.is_some_and(|hash| hash.starts_with("$2b$10$")));
        assert_eq!(previous(0).password_hash, None);
        assert!(!previous(2).other_fields.contains("$2b$"));
    }

    #[test]
    fn fields_that_this_version_does_not_use_are_kept() {
        let other: Value = serde_json::from_str(&previous(0).other_fields).unwrap();
        let expected = json!({
            "__v": 0,
            "overlayActive": true,
            "streakCurrent": 0, "streakLongest": 0, "streakLastDate": null, "streakHistory": [],
            "energyPacks": {
                "current": 10, "maximum": 10, "dailyUsed": 0, "lastReset": {"$date": "2025-07-01T00:00:00Z"},
            },
            "xp": {"total": 0, "level": 1, "earnedToday": 0, "lastEarned": null, "activities": []},
            "rp": {"total": 0, "earnedToday": 0, "lastEarned": null, "activities": []},
        });
        assert_eq!(other, expected);
    }
}
