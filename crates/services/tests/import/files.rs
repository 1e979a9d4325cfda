//! Files that are not as they should be.

use gametriggers_services::import;
use gametriggers_services::import::{CollectionReport, ImportError};
use serde_json::json;
use std::fs;
use std::path::PathBuf;
use tempfile::TempDir;

use crate::support::{
    CAMPAIGNS, KARMA, PARTICIPATIONS, Store, USERS, WEIGHTY, exported, participation, user,
};

#[tokio::test]
async fn blank_lines_line_ends_and_huge_lines_are_fine() {
    let description = "x".repeat(5_000_000);
    let content = format!(
        "\u{feff}\r\n\n{}\r\n  \n{}",
        user(json!({"description": description})),
        user(json!({"_id": {"$oid": WEIGHTY}, "email": "b", "role": "emperor"})),
    );
    let (store, report) = Store::of(&[(USERS, &content)]).await;
    assert_eq!(report.users.inserted, 1);
    assert_eq!(report.users.refused[0].line, 5);
    assert_eq!(store.user(KARMA).await.description, Some(description));
}

#[tokio::test]
async fn an_empty_file_is_an_empty_collection() {
    let (_store, report) = Store::of(&[(USERS, "")]).await;
    assert_eq!(report.users, CollectionReport { found: true, ..CollectionReport::default() });
    assert!(!report.campaigns.found);
}

#[tokio::test]
async fn a_folder_without_any_of_the_files_is_an_error_that_names_them() {
    let store = Store::empty().await;
    for folder in [exported(&[("user.json", "{}")]).path().to_owned(), PathBuf::from("/no/such/folder")] {
        let error = import::run(&store.repositories, &folder).await.unwrap_err();
        assert!(matches!(error, ImportError::NothingFound { .. }), "{error:?}");
        let message = error.to_string();
        for name in [USERS, CAMPAIGNS, PARTICIPATIONS, folder.to_str().unwrap()] {
            assert!(message.contains(name), "{message}");
        }
    }
}

#[tokio::test]
async fn a_file_that_is_not_lines_says_how_to_export_it_and_nothing_is_imported() {
    let array = format!("\n[{},\n{}]", participation(json!({})), participation(json!({})));
    for (content, option) in [(array.as_str(), "--jsonArray"), ("{\n\t\"_id\": 1\n}\n", "--pretty")] {
        let store = Store::empty().await;
        let files = exported(&[(USERS, &user(json!({}))), (PARTICIPATIONS, content)]);
        let error = import::run(&store.repositories, files.path()).await.unwrap_err();
        assert_eq!(
            error.to_string(),
            format!(
                "campaignparticipations.json was exported with {option}; export it without, so that each line holds \
                 one document"
            )
        );
        assert_eq!(store.repositories.users.find_by_id(KARMA.parse().unwrap()).await.unwrap(), None);
    }
}

#[tokio::test]
async fn a_file_that_cannot_be_read_is_named() {
    let store = Store::empty().await;
    let files = TempDir::new().unwrap();
    fs::create_dir(files.path().join(USERS)).unwrap();
    let error = import::run(&store.repositories, files.path()).await.unwrap_err();
    assert!(matches!(error, ImportError::Unreadable { file: USERS, .. }), "{error:?}");
    assert_eq!(error.to_string(), "users.json cannot be read");
}
