//! The strategies by which campaigns can be chosen.

endpoints! {
    list_strategies,
}
