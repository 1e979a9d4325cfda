# Shortcuts. Each recipe only calls cargo or `cargo xtask`, so nobody needs just.

# List the recipes
default:
    @just --list

# Run the product with example data and print what to try
demo *args:
    cargo run --release -- demo {{ args }}

# Run unit, integration and doc tests on a MongoDB server that is found or started (--store sqlite: without one)
test *args:
    cargo xtask test {{ args }}

# Run the tests that drive a real Chromium
browser *args:
    cargo xtask browser {{ args }}

# Check with requests made from the OpenAPI document that the server does what the document says
conformance:
    cargo xtask conformance

# Measure the server and its bare frameworks (--short: only check that they can be measured)
bench *args:
    cargo xtask bench {{ args }}

# Check crate floors, circles of files, formatting, dependencies, clippy and documentation
lint:
    cargo xtask lint

# Check that a strategy is one file and one line: build the how-to's example and run the laws with it
howto:
    cargo xtask howto

# Format the code. Macros declare the files of endpoints and of strategies, so rustfmt does not find them by itself
fmt:
    cargo fmt --all -- crates/http/src/routes/*/*.rs crates/domain/src/selection/strategies/*.rs

# Run everything that CI runs
ci *args:
    cargo xtask ci {{ args }}

# Accept the snapshots of the HTTP suite's tests that the filter names (`just bless openapi`), on SQLite; then read the diff
bless *filter:
    INSTA_UPDATE=always cargo xtask test --store sqlite --test suite {{ filter }}
