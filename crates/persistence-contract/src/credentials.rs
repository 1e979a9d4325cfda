//! Laws of credentials: the store finds a user and the password hash by the e-mail address.

use gametriggers_domain::model::User;
use gametriggers_fixtures::{new_user, user, user_id};
use gametriggers_persistence::{Credentials, Insertion, NewUser};

use crate::{
    Fixture,
    support::{AWKWARD_TEXT, change_user, stored_user},
};

crate::laws! { $ credentials:
    a_password_hash_comes_back_as_inserted,
    a_user_without_a_password_has_no_hash,
    an_unknown_email_address_has_no_credentials,
    an_email_address_is_compared_byte_by_byte,
    inserting_a_user_again_keeps_the_hash,
    no_change_of_a_user_changes_the_hash,
}

/// The user with this password hash.
fn with_hash(user: User, hash: Option<&str>) -> NewUser {
    NewUser { password_hash: hash.map(str::to_owned), ..new_user(user) }
}

async fn insert(fixture: &impl Fixture, new: &NewUser) -> Insertion {
    fixture.repositories().users.insert_if_absent(new).await.unwrap()
}

/// Returns the credentials that a new client finds.
async fn found(fixture: &impl Fixture, email: &str) -> Option<Credentials> {
    fixture.reopen().await.users.find_credentials(email).await.unwrap()
}

/// Asserts that a new client finds the user by their e-mail address, with this hash.
async fn assert_found(fixture: &impl Fixture, user: User, hash: Option<&str>) {
    let found = found(fixture, &user.email).await;
    let hash_found = found.as_ref().and_then(|found| found.password_hash.as_deref());
    // `Debug` of the credentials hides the hash, so the hash has its own assertion.
    assert_eq!(hash_found, hash, "the password hash of user {}", user.id);
    assert_eq!(found.map(|found| found.user), Some(user));
}

/// The hash comes back unchanged, whether the user was inserted alone or with others. `Debug` does not show the hash.
async fn a_password_hash_comes_back_as_inserted(fixture: &impl Fixture) {
    let bcrypt = "$2b$10$N9qo8uLOickgx2ZMRZoMyeIjZAgcfl7p92ldGxad68LJZdL17lhWy";
    insert(fixture, &with_hash(user(1), Some(bcrypt))).await;
    insert(fixture, &with_hash(user(2), Some(AWKWARD_TEXT))).await;
    let many = vec![with_hash(user(3), Some(AWKWARD_TEXT)), with_hash(user(4), Some(bcrypt))];
    fixture.repositories().users.insert_all_if_absent(many).await.unwrap();
    assert_found(fixture, user(1), Some(bcrypt)).await;
    assert_found(fixture, user(2), Some(AWKWARD_TEXT)).await;
    assert_found(fixture, user(3), Some(AWKWARD_TEXT)).await;
    assert_found(fixture, user(4), Some(bcrypt)).await;
    let printed = format!("{:?}", found(fixture, &user(1).email).await);
    assert!(!printed.contains(bcrypt), "{printed}");
}

/// A user who was inserted without a hash is found and has no hash.
async fn a_user_without_a_password_has_no_hash(fixture: &impl Fixture) {
    insert(fixture, &with_hash(user(1), None)).await;
    fixture.repositories().users.insert_all_if_absent(vec![with_hash(user(2), None)]).await.unwrap();
    assert_found(fixture, user(1), None).await;
    assert_found(fixture, user(2), None).await;
}

/// An e-mail address that no user has finds nothing and is no error.
async fn an_unknown_email_address_has_no_credentials(fixture: &impl Fixture) {
    assert_eq!(found(fixture, &user(1).email).await, None);
    insert(fixture, &new_user(user(1))).await;
    for unknown in [user(2).email.as_str(), "", AWKWARD_TEXT] {
        assert_eq!(found(fixture, unknown).await, None, "{unknown:?}");
    }
}

/// Addresses that differ in a byte belong to different users, and each address finds its own user. An address does not
/// match in another case, as a pattern, in another normal form of Unicode, or by a part.
async fn an_email_address_is_compared_byte_by_byte(fixture: &impl Fixture) {
    let addresses = ["zo\u{eb}@a.com", "Zo\u{eb}@a.com", "zoe\u{308}@a.com", "zo_@a.com", "zo%@a.com"];
    for (number, address) in (1..).zip(addresses) {
        let user = User { email: address.to_owned(), ..user(number) };
        assert_eq!(insert(fixture, &with_hash(user, Some(address))).await, Insertion::Inserted, "{address}");
    }
    for (number, address) in (1..).zip(addresses) {
        assert_found(fixture, User { email: address.to_owned(), ..user(number) }, Some(address)).await;
    }
    for near in ["ZO\u{eb}@A.COM", "zo\u{eb}@a.co", "o\u{eb}@a.com", "zo\u{eb}@a.com ", "zoe@a.com", "%"] {
        assert_eq!(found(fixture, near).await, None, "{near:?}");
    }
}

/// An insertion never overwrites the hash of a stored user.
async fn inserting_a_user_again_keeps_the_hash(fixture: &impl Fixture) {
    insert(fixture, &with_hash(user(1), Some("first"))).await;
    insert(fixture, &with_hash(user(2), None)).await;
    for number in [1, 2] {
        let again = with_hash(user(number), Some("second"));
        assert_eq!(insert(fixture, &again).await, Insertion::AlreadyPresent);
        fixture.repositories().users.insert_all_if_absent(vec![again]).await.unwrap();
    }
    assert_found(fixture, user(1), Some("first")).await;
    assert_found(fixture, user(2), None).await;
}

/// Every other write of a user leaves the hash as it is.
async fn no_change_of_a_user_changes_the_hash(fixture: &impl Fixture) {
    for (number, hash) in [(1, Some("$2b$10$hash")), (2, None)] {
        insert(fixture, &with_hash(user(number), hash)).await;
        change_user(fixture, user_id(number)).await;
        let changed = stored_user(fixture, user_id(number)).await;
        assert_ne!(changed, user(number), "the changes are stored");
        assert_found(fixture, changed, hash).await;
    }
}
