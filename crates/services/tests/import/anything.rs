//! Files with any content: an import shows no secret and stores nothing unreadable.

use gametriggers_persistence::Repositories;
use gametriggers_services::import;
use serde_json::{Value, json};

use crate::support::{
    CAMPAIGNS, EARLY_BIRD, PARTICIPATIONS, REPORTED_TOKEN, Store, USERS, WEIGHTY, fixture, fixture_file, user,
};

/// Defect A25: the previous system logged tokens and addresses.
#[tokio::test]
async fn a25_a_report_shows_no_token_address_or_password() {
    let fixture_report = import::run(&Store::empty().await.repositories, &fixture()).await.unwrap();
    let bad = [
        user(
            json!({"email": "hunter2@example.com", "overlayToken": "hunter2 hunter2", "password": "hunter2"}),
        ),
        user(json!({"email": ["hunter2@example.com"], "_id": {"$oid": WEIGHTY}})),
        user(json!({"email": "hunter2@example.com", "_id": {"$oid": EARLY_BIRD}})),
        "{\"password\": \"hunter2\"".to_owned(),
    ];
    let (_store, report) = Store::of(&[(USERS, &bad.join("\n"))]).await;
    assert_eq!((report.users.refused.len(), report.users.notes.len()), (3, 1));
    let shown = format!("{fixture_report:?} {report:?}");
    for secret in ["hunter2", "@example.com", REPORTED_TOKEN, "$2b$10$"] {
        assert!(!shown.contains(secret), "{shown}");
    }
}

/// Wrong values for any field.
fn odd_values() -> Vec<Value> {
    vec![
        json!(null),
        json!(true),
        json!(0),
        json!(-1),
        json!(1.5),
        json!(1e300),
        json!({"$numberLong": "9223372036854775807"}),
        json!({"$numberDouble": "NaN"}),
        json!({"$numberDouble": "-Infinity"}),
        json!({"$numberDecimal": "NaN"}),
        json!({"$numberDecimal": "9.999999999999999999999999999999999E+6144"}),
        json!({"$numberDecimal": "1E-6176"}),
        json!({"$numberDecimal": "x"}),
        json!({"$date": {"$numberLong": "9223372036854775807"}}),
        json!({"$date": {"$numberLong": "-9223372036854775808"}}),
        json!({"$oid": "zz"}),
        json!({"$undefined": true}),
        json!({"$minKey": 1}),
        json!({"$timestamp": {"t": 1, "i": 1}}),
        json!({"$binary": {"base64": "AA==", "subType": "00"}}),
        json!(""),
        json!("x\u{0}"),
        json!("é".repeat(200)),
        json!([]),
        json!([null, [], {}]),
        json!({}),
        json!({"a": null}),
    ]
}

/// Collects the path of every value in a document.
fn places(document: &Value, path: &str, places: &mut Vec<String>) {
    let inner: Vec<(String, &Value)> = match document {
        Value::Object(fields) => fields.iter().map(|(key, value)| (key.clone(), value)).collect(),
        Value::Array(items) => {
            items.iter().enumerate().map(|(index, item)| (index.to_string(), item)).collect()
        }
        _ => Vec::new(),
    };
    for (key, value) in inner {
        let place = format!("{path}/{key}");
        places.push(place.clone());
        self::places(value, &place, places);
    }
}

/// Every document that the import accepts can be read from the store.
#[tokio::test]
async fn whatever_a_field_holds_is_stored_readably_or_refused() {
    for file in [USERS, CAMPAIGNS, PARTICIPATIONS] {
        let whole: Value = serde_json::from_str(fixture_file(file).lines().next().unwrap()).unwrap();
        let mut odd = Vec::new();
        places(&whole, "", &mut odd);
        let mut lines = Vec::new();
        for place in odd {
            for value in odd_values() {
                let number = lines.len();
                let mut document = whole.clone();
                document["_id"] = json!({"$oid": format!("{number:024x}")});
                for (unique, value) in [
                    ("email", format!("{number}@example.com")),
                    ("overlayToken", format!("overlay-{number}")),
                    ("browserSourceToken", format!("browser-{number}")),
                    ("streamerId", format!("{number:024x}")),
                ] {
                    if document.get(unique).is_some() {
                        document[unique] = value.into();
                    }
                }
                if let Some(field) = document.pointer_mut(&place) {
                    *field = value;
                }
                lines.push(document.to_string());
            }
        }
        let (store, report) = Store::of(&[(file, &lines.join("\n"))]).await;
        let collection = match file {
            USERS => &report.users,
            CAMPAIGNS => &report.campaigns,
            _ => &report.participations,
        };
        let told = collection.inserted + collection.already_present;
        assert_eq!(usize::try_from(told).unwrap() + collection.refused.len(), lines.len(), "{file}");
        assert!(told > 0 && !collection.refused.is_empty(), "{file}");
        for number in 0..lines.len() {
            let id = format!("{number:024x}");
            let Repositories { users, campaigns, participations, .. } = &store.repositories;
            match file {
                USERS => drop(users.find_by_id(id.parse().unwrap()).await.unwrap()),
                CAMPAIGNS => drop(campaigns.find_by_id(id.parse().unwrap()).await.unwrap()),
                _ => drop(participations.find_by_id(id.parse().unwrap()).await.unwrap()),
            }
        }
        assert_eq!(store.repositories.ledger.reconcile(false).await.unwrap(), [], "{file}");
    }
}
