//! The migrations are read when the crate is compiled: without this, cargo would not see that one was added.

fn main() {
    println!("cargo::rerun-if-changed=../../migrations/sqlite");
}
