//! Makes the indexes of one collection. Its documents may not fit them.

use bson::{Bson, Document, doc, oid::ObjectId};
use futures_util::TryStreamExt;
use gametriggers_persistence::StorageError;
use mongodb::Database;

use super::failed;
use crate::{
    call,
    error::{code, is_duplicate_key, neutral, neutral_read},
};

/// The error code if there is no such collection.
const NAMESPACE_NOT_FOUND: i32 = 26;
/// The error codes if an index with the same key has other options, or if an index with the same name has another key.
const INDEX_CONFLICT: [i32; 2] = [85, 86];
/// The options by which two indexes with the same key differ.
const OPTIONS: [&str; 5] = ["unique", "sparse", "partialFilterExpression", "expireAfterSeconds", "collation"];
/// How many groups of documents, and how many documents of a group, an error names.
const NAMED_AT_MOST: i32 = 10;

/// Runs a `createIndexes` command for those of its indexes that do not exist under any name.
pub(super) async fn create(database: &Database, command: &Document) -> Result<(), StorageError> {
    let (collection, wanted) = parse(command)
        .ok_or_else(|| failed("a createIndexes command names a collection and lists indexes".to_owned()))?;
    let existing = list(database, collection).await?;
    for index in wanted {
        if let Some(same) = existing.iter().find(|existing| is_same(existing, index)) {
            if same.get_bool("hidden").unwrap_or(false) {
                return Err(failed(hidden(collection, same)));
            }
            continue;
        }
        let command = doc! {
            "createIndexes": collection, "indexes": [index.clone()], "writeConcern": {"w": "majority"},
        };
        match database.run_command(command).await {
            Ok(_) => {}
            Err(error) if is_duplicate_key(&error) => {
                return Err(failed(duplicates(database, collection, index).await?));
            }
            Err(error) if code(&error).is_some_and(|code| INDEX_CONFLICT.contains(&code)) => {
                return Err(failed(in_the_way(collection, index, &existing)));
            }
            Err(error) => return Err(neutral(error)),
        }
    }
    Ok(())
}

fn parse(command: &Document) -> Option<(&str, Vec<&Document>)> {
    let indexes = command.get_array("indexes").ok()?.iter().map(Bson::as_document);
    Some((command.get_str("createIndexes").ok()?, indexes.collect::<Option<_>>()?))
}

async fn list(database: &Database, collection: &str) -> Result<Vec<Document>, StorageError> {
    let (database, command) = (database.clone(), doc! {"listIndexes": collection});
    let listing = async move { database.run_cursor_command(command).await?.try_collect().await };
    match call::try_read(listing).await? {
        Ok(indexes) => Ok(indexes),
        Err(error) if code(&error) == Some(NAMESPACE_NOT_FOUND) => Ok(Vec::new()),
        Err(error) => Err(neutral_read(error)),
    }
}

/// Whether two indexes differ in nothing but their names.
fn is_same(one: &Document, other: &Document) -> bool {
    let option = |index: &Document, name| match index.get(name) {
        None | Some(Bson::Boolean(false)) => None,
        Some(number) => Some(as_number(number).map_or_else(|| number.clone(), Bson::Double)),
    };
    key_of(one) == key_of(other) && OPTIONS.iter().all(|name| option(one, name) == option(other, name))
}

fn key_of(index: &Document) -> Vec<(&str, Option<i64>)> {
    let key = index.get_document("key").into_iter().flatten();
    #[allow(clippy::cast_possible_truncation)] // 1 or -1, of whatever type
    key.map(|(field, order)| (field.as_str(), as_number(order).map(|order| order as i64))).collect()
}

fn as_number(value: &Bson) -> Option<f64> {
    match value {
        Bson::Int32(number) => Some(f64::from(*number)),
        #[allow(clippy::cast_precision_loss)] // orders and seconds
        Bson::Int64(number) => Some(*number as f64),
        Bson::Double(number) => Some(*number),
        _ => None,
    }
}

/// Says which documents keep a unique index from being made, and what to do. Never shows the value.
async fn duplicates(database: &Database, collection: &str, index: &Document) -> Result<String, StorageError> {
    let fields: Vec<_> = key_of(index).into_iter().map(|(field, _)| field).collect();
    let partial = index.get_document("partialFilterExpression").cloned().unwrap_or_default();
    // An index treats an absent field as null.
    let value = |field: &&str| Bson::from(doc! {"$ifNull": [format!("${field}"), Bson::Null]});
    let values: Vec<_> = fields.iter().map(value).collect();
    let documents = database.collection::<Document>(collection);
    let groups = documents.aggregate([
        doc! {"$match": partial},
        doc! {"$group": {"_id": values, "ids": {"$push": "$_id"}, "count": {"$sum": 1}}},
        doc! {"$match": {"count": {"$gt": 1}}},
        doc! {"$project": {"_id": 0, "ids": {"$slice": ["$ids", NAMED_AT_MOST]}, "count": 1}},
        doc! {"$sort": {"ids": 1}},
        doc! {"$limit": NAMED_AT_MOST},
    ]);
    let groups = groups.allow_disk_use(true).await.map_err(neutral_read)?;
    let groups: Vec<_> = groups.try_collect().await.map_err(neutral_read)?;
    let groups: Vec<_> = groups.iter().map(named).collect();
    let field = fields.join(", ");
    Ok(format!(
        "documents of `{collection}` hold the same `{field}`, which must be unique (index {}): {}. Give each its own \
         `{field}`, or delete all but one of each group, and migrate again",
        index.get_str("name").unwrap_or_default(),
        groups.join("; ")
    ))
}

/// The ids of one group.
fn named(group: &Document) -> String {
    let ids = group.get_array("ids").into_iter().flatten();
    let ids: Vec<_> =
        ids.map(|id| id.as_object_id().map_or_else(|| id.to_string(), ObjectId::to_hex)).collect();
    let more = group.get_i32("count").map_or(0, |count| usize::try_from(count).unwrap_or(0)) - ids.len();
    let more = if more == 0 { String::new() } else { format!(" and {more} more") };
    ids.join(", ") + &more
}

/// The message about a hidden index. The server maintains such an index, but no query uses it.
fn hidden(collection: &str, index: &Document) -> String {
    let name = index.get_str("name").unwrap_or_default();
    format!(
        "the index {name} of `{collection}` is hidden, so that no query uses it: show it in mongosh by \
         `db.{collection}.unhideIndex(\"{name}\")` and migrate again"
    )
}

fn in_the_way(collection: &str, wanted: &Document, existing: &[Document]) -> String {
    let name = |index: &Document| index.get_str("name").unwrap_or_default().to_owned();
    let other = existing.iter().find(|index| name(index) == name(wanted) || key_of(index) == key_of(wanted));
    let other = other.map_or_else(|| name(wanted), name);
    format!(
        "the index {other} of `{collection}` is in the way of {}, which this version needs in another form: drop it \
         in mongosh by `db.{collection}.dropIndex(\"{other}\")` and migrate again",
        name(wanted)
    )
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn an_index_is_the_same_by_any_name_and_number_type() {
        let wanted = doc! {"name": "a_1", "key": {"a": 1}, "unique": true};
        assert!(is_same(
            &doc! {"v": 2, "key": {"a": 1.0}, "name": "old", "unique": true, "sparse": false},
            &wanted
        ));
        for other in [
            doc! {"key": {"a": 1}},
            doc! {"key": {"a": -1}, "unique": true},
            doc! {"key": {"a": 1, "b": 1}, "unique": true},
            doc! {"key": {"a": 1}, "unique": true, "partialFilterExpression": {"a": {"$gt": ""}}},
        ] {
            assert!(!is_same(&other, &wanted), "{other}");
        }
        assert!(!is_same(&doc! {"key": {"a": 1, "b": 1}}, &doc! {"key": {"b": 1, "a": 1}}));
    }
}
