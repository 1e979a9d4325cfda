//! Files in a wrong form.

use gametriggers_services::import;
use gametriggers_services::import::{CollectionReport, ImportError, Options, Progress};
use serde_json::json;
use std::fs;
use std::path::PathBuf;
use tempfile::TempDir;

use crate::support::{
    CAMPAIGNS, EARLY_BIRD, HINGE, KARMA, PARTICIPATIONS, Store, USERS, WEIGHTY, exported, participation, user,
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
    assert!(report.users.is_empty() && !report.campaigns.is_empty());
    assert!(!report.campaigns.found);
}

/// The import keeps at most 16 MiB of a line in memory, and reads the lines after it as usual.
#[tokio::test]
async fn a_line_that_is_too_long_is_refused_by_itself() {
    let document =
        |id: &str, length: usize| user(json!({"_id": {"$oid": id}, "email": id, "note": "x".repeat(length)}));
    let longest = 16 * 1024 * 1024 - document(EARLY_BIRD, 0).len();
    let lines = [
        document(WEIGHTY, 17 * 1024 * 1024),
        document(EARLY_BIRD, longest),
        document(HINGE, longest + 1),
        document(KARMA, 0),
        "x".repeat(40_000_000),
    ];
    let (store, report) = Store::of(&[(USERS, &lines.join("\n"))]).await;
    assert_eq!((report.users.inserted, report.users.refused_count), (2, 3));
    let refused: Vec<_> = report.users.refused.iter().map(|remark| (remark.line, &*remark.reason)).collect();
    let reason = "longer than 16 MiB, and so than any document of MongoDB";
    assert_eq!(refused, [(1, reason), (3, reason), (5, reason)]);
    assert_eq!(store.user(KARMA).await.email, KARMA);
}

/// PowerShell writes UTF-16 if the output of a command is redirected.
#[tokio::test]
async fn a_file_of_utf16_is_named_as_such_and_nothing_is_imported() {
    let text = format!("{}\n", user(json!({})));
    let little: Vec<u8> = text.encode_utf16().flat_map(u16::to_le_bytes).collect();
    let big: Vec<u8> = text.encode_utf16().flat_map(u16::to_be_bytes).collect();
    for content in
        [[b"\xff\xfe".as_slice(), &little].concat(), [b"\xfe\xff".as_slice(), &big].concat(), little, big]
    {
        let store = Store::empty().await;
        let files = exported(&[(USERS, &user(json!({})))]);
        fs::write(files.path().join(CAMPAIGNS), content).unwrap();
        let error = import::run(&store.repositories, files.path()).await.unwrap_err();
        let message = error.to_string();
        assert!(message.starts_with("campaigns.json is not UTF-8 text but UTF-16"), "{message}");
        assert!(message.ends_with("export it with mongoexport's --out"), "{message}");
        assert_eq!(store.repositories.users.find_by_id(KARMA.parse().unwrap()).await.unwrap(), None);
    }
}

#[tokio::test]
async fn a_line_that_is_not_utf8_is_refused_by_itself() {
    let files = exported(&[]);
    let lines =
        [user(json!({"name": "#"})), user(json!({"_id": {"$oid": WEIGHTY}, "email": "b"}))].join("\n");
    let lines: Vec<u8> = lines.bytes().map(|byte| if byte == b'#' { 0xff } else { byte }).collect();
    fs::write(files.path().join(USERS), lines).unwrap();
    let report = Store::empty().await.import(&files).await;
    assert_eq!(report.users.inserted, 1);
    assert!(report.users.refused[0].reason.starts_with("not UTF-8 text at byte "), "{report:?}");
}

/// Many documents are imported like a few: lines keep their numbers, and a wrong line in any batch affects no other line.
#[tokio::test]
async fn many_lines_are_imported_like_few() {
    const LINES: u64 = 12_003;
    let id = |number: u64| format!("{number:024x}");
    let lines: Vec<_> = (1..=LINES)
        .map(|number| match number {
            // Odd lines: the first and the last of a batch, and some in between.
            5_001 | 10_000 => "{".to_owned(),
            7_000 => user(json!({"_id": {"$oid": id(number)}, "email": id(6_999)})),
            7_001 => user(json!({"_id": {"$oid": id(7_002)}, "email": id(7_002)})),
            12_001 => user(json!({"_id": {"$oid": id(3)}, "email": id(3)})),
            _ => user(json!({"_id": {"$oid": id(number)}, "email": id(number), "image": 7})),
        })
        .collect();
    let files = exported(&[(USERS, &lines.join("\n"))]);
    let store = Store::empty().await;
    let mut told = Vec::new();
    let mut tell = |progress| told.push(progress);
    let import = import::run_with(&store.repositories, files.path(), Options::default(), &mut tell);
    let report = import.await.unwrap();
    let refused: Vec<_> = report.users.refused.iter().map(|remark| remark.line).collect();
    assert_eq!(refused, [5_001, 7_000, 10_000]);
    // Earlier lines have inserted the ids of the lines 7,002 and 12,001.
    assert_eq!((report.users.inserted, report.users.already_present), (LINES - 5, 2));
    assert_eq!((report.users.notes.len(), report.users.notes_count), (10_000, LINES - 6));
    assert_eq!((report.unnamed(), report.users.notes[5_000].line), ((0, LINES - 10_006), 5_002));
    assert_eq!(told.last(), Some(&Progress { file: USERS, lines: LINES }));
    assert!(told.iter().map(|progress| progress.lines).is_sorted());

    let again = store.import(&files).await;
    assert_eq!((again.users.inserted, again.users.already_present), (0, LINES - 3));
    assert_eq!((again.users.refused_count, again.users.notes_count), (3, 0));
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
