//! The caller's own account.

endpoints! {
    me,
}
