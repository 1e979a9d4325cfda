//! Who may do what.
//!
//! An [`Actor`] is somebody in whose name a request is made. Each function here is one permission: its name says what is
//! allowed, and it gives `Ok` to an actor who may do that. Services ask before they act. Handlers never decide about rights.
//!
//! The only role with rights of its own today is the streamer's: see [`Role::is_streamer`].

use gametriggers_types::{Role, ScreenToken, SessionId};

use crate::model::User;

/// Somebody in whose name a request is made: an account that is active, as the store had it when the request began.
#[derive(Debug, Clone, PartialEq)]
pub struct Actor {
    user: User,
    session: Option<SessionId>,
}

/// Why an account cannot be an actor's.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Inactive;

/// Why an actor may not do something.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Denied {
    /// Only streamers may.
    NotAStreamer,
    /// The request names an overlay token that is not the actor's.
    NotYourToken,
}

impl Actor {
    /// The actor of an account. `session` is the session that the bearer token belongs to; `None` for a token that names none.
    ///
    /// # Errors
    /// [`Inactive`] if the account is deactivated: nobody acts in its name.
    pub fn new(user: User, session: Option<SessionId>) -> Result<Self, Inactive> {
        if user.is_active { Ok(Self { user, session }) } else { Err(Inactive) }
    }

    /// The account.
    #[must_use]
    pub const fn user(&self) -> &User {
        &self.user
    }

    /// The role that rights depend on: the stored one, not the one that the bearer token names (defect A15).
    #[must_use]
    pub const fn role(&self) -> Role {
        self.user.role
    }

    /// The session that the bearer token belongs to. Tokens of today name none.
    #[must_use]
    pub const fn session(&self) -> Option<SessionId> {
        self.session
    }
}

/// See and change one's own overlay: how it looks, its token, whether it is loaded, a test ad.
///
/// # Errors
/// [`Denied::NotAStreamer`].
pub fn manage_own_overlay(actor: &Actor) -> Result<(), Denied> {
    require_streamer(actor)
}

/// See and change how campaigns are selected for one's own screen.
///
/// # Errors
/// [`Denied::NotAStreamer`].
pub fn manage_own_selection(actor: &Actor) -> Result<(), Denied> {
    require_streamer(actor)
}

/// List the campaigns that one has joined.
///
/// # Errors
/// [`Denied::NotAStreamer`].
pub fn list_joined_campaigns(actor: &Actor) -> Result<(), Denied> {
    require_streamer(actor)
}

/// Name an overlay by its token in a request about one's own overlay. `own` is the actor's token and `named` the one in the
/// request; a request that names none is about one's own.
///
/// # Errors
/// [`Denied::NotYourToken`] if another token is named.
pub fn name_own_overlay(own: Option<&ScreenToken>, named: Option<&str>) -> Result<(), Denied> {
    if named.is_none() || named == own.map(ScreenToken::expose) { Ok(()) } else { Err(Denied::NotYourToken) }
}

fn require_streamer(actor: &Actor) -> Result<(), Denied> {
    if actor.role().is_streamer() { Ok(()) } else { Err(Denied::NotAStreamer) }
}

#[cfg(test)]
mod tests {
    use gametriggers_types::AuthProvider;

    use super::*;

    fn user(role: Role) -> User {
        let id = "6864d4187d06a675f2abb714".parse().unwrap();
        let now = "2026-03-01T12:00:00Z".parse().unwrap();
        User::new(id, "zoe@example.com".to_owned(), "Zoë".to_owned(), role, AuthProvider::Email, now)
    }

    #[test]
    fn a_streamer_and_nobody_else_may_manage_what_streamers_have() {
        for &role in Role::ALL {
            let actor = Actor::new(user(role), None).unwrap();
            let expected = if role.is_streamer() { Ok(()) } else { Err(Denied::NotAStreamer) };
            for permission in [manage_own_overlay, manage_own_selection, list_joined_campaigns] {
                assert_eq!(permission(&actor), expected, "{role}");
            }
        }
    }

    #[test]
    fn nobody_acts_in_the_name_of_a_deactivated_account() {
        let deactivated = User { is_active: false, ..user(Role::Streamer) };
        assert_eq!(Actor::new(deactivated, None), Err(Inactive));
    }

    #[test]
    fn an_actor_has_the_role_of_the_account_and_the_session_of_the_token() {
        let session: SessionId = "6864d4187d06a675f2abb715".parse().unwrap();
        let actor = Actor::new(user(Role::Brand), Some(session)).unwrap();
        assert_eq!((actor.role(), actor.session()), (Role::Brand, Some(session)));
        assert_eq!(actor.user(), &user(Role::Brand));
    }

    #[test]
    fn only_ones_own_token_may_be_named() {
        let own = ScreenToken::parse("own-token-of-this-streamer").unwrap();
        for (own, named, expected) in [
            (Some(&own), None, Ok(())),
            (None, None, Ok(())),
            (Some(&own), Some("own-token-of-this-streamer"), Ok(())),
            (Some(&own), Some("own-token-of-this-streame"), Err(Denied::NotYourToken)),
            (Some(&own), Some(""), Err(Denied::NotYourToken)),
            (None, Some("own-token-of-this-streamer"), Err(Denied::NotYourToken)),
        ] {
            assert_eq!(name_own_overlay(own, named), expected, "{named:?}");
        }
    }
}
