//! The OpenAPI document as a whole: its title, its description, and the answers that all operations share.

use utoipa::{
    OpenApi,
    openapi::{
        HeaderBuilder, OpenApi as Document, Ref, RefOr, ResponseBuilder,
        content::ContentBuilder,
        path::Operation,
        security::{HttpAuthScheme, HttpBuilder, SecurityScheme},
    },
};

use crate::query::IGNORES_UNKNOWN_KEYS;

/// Merges the documents of the groups into one document.
pub(crate) fn assemble(groups: impl IntoIterator<Item = Document>) -> Document {
    let mut document = groups.into_iter().fold(About::openapi(), Document::merge_from);
    add_bearer_scheme(&mut document);
    add_common_answers(&mut document);
    document
}

/// The document's description.
const ABOUT_ALL: &str = "Sponsorships for live streams.

Everything under `/api/v1/overlay/` is served under `/api/overlay/` as well. What can be read by GET answers HEAD, too. A query
key that an operation does not know, or finds twice, is refused with 400; operations marked `x-ignores-unknown-query-keys` ignore it,
because people follow them and platforms add keys of their own.";

#[derive(OpenApi)]
#[openapi(info(title = "GameTriggers", description = ABOUT_ALL))]
struct About;

fn add_bearer_scheme(document: &mut Document) {
    let scheme = HttpBuilder::new().scheme(HttpAuthScheme::Bearer).bearer_format("JWT").build();
    let components = document.components.get_or_insert_default();
    components.add_security_scheme("bearer", SecurityScheme::Http(scheme));
}

/// Adds the answers that every operation can give.
fn add_common_answers(document: &mut Document) {
    for item in document.paths.paths.values_mut() {
        let all = [&mut item.get, &mut item.post, &mut item.put, &mut item.patch, &mut item.delete];
        for operation in all.into_iter().flatten() {
            let is_strict = !ignores_unknown_keys(operation);
            let answers = &mut operation.responses.responses;
            if is_strict {
                let refused =
                    error("`VALIDATION_FAILED`: a query key that is unknown or there twice").build();
                answers.entry("400".to_owned()).or_insert(RefOr::T(refused));
            }
            let allow = HeaderBuilder::new().description(Some("The methods that there are")).build();
            let wrong_method = error("`METHOD_NOT_ALLOWED`: another method than those of this path");
            answers.insert("405".to_owned(), RefOr::T(wrong_method.header("Allow", allow).build()));
        }
    }
}

fn ignores_unknown_keys(operation: &Operation) -> bool {
    operation.extensions.as_ref().is_some_and(|extensions| extensions.contains_key(IGNORES_UNKNOWN_KEYS))
}

fn error(description: &str) -> ResponseBuilder {
    let content = ContentBuilder::new().schema(Some(Ref::from_schema_name("ErrorResponse"))).build();
    ResponseBuilder::new().description(description).content("application/json", content)
}
