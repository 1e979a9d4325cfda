//! The OpenAPI document agrees with the server.

use std::{
    collections::{BTreeMap, BTreeSet},
    env,
    fmt::Write,
    fs,
};

use gametriggers_domain::selection::{self, Parameter};
use gametriggers_types::PriorityWeights;
use serde_json::{Value, json};

use crate::support::{Documents, Reply, Streamer, TestServer};

fn document() -> Value {
    serde_json::from_str(gametriggers_http::openapi_document()).unwrap()
}

/// One operation of the document.
struct Operation {
    method: String,
    path: String,
    says: Value,
}

impl Operation {
    fn all() -> Vec<Self> {
        let document = document();
        let paths = document["paths"].as_object().unwrap();
        let of_path = |(path, operations): (&String, &Value)| {
            let operations = operations.as_object().unwrap().clone();
            let path = path.clone();
            operations.into_iter().map(move |(method, says)| Self {
                method: method.to_uppercase(),
                path: path.clone(),
                says,
            })
        };
        paths.iter().flat_map(of_path).collect()
    }

    fn needs_account(&self) -> bool {
        self.says["security"].as_array().is_some_and(|needed| !needed.is_empty())
    }

    fn takes_body(&self) -> bool {
        self.says["requestBody"].is_object()
    }

    /// Sends a request with this body for the screen of this token. If the operation needs an account, it is the streamer's.
    async fn send(&self, server: &TestServer, streamer: &Streamer, token: &str, body: Option<&str>) -> Reply {
        let path = self.path.replace("{token}", token).replace("{kind}", "chat");
        let path = path.replace("{participationId}", "6864d4ee7d06a675f2abb716").replace("{path}", "a.png");
        let mut request = server.client.request(self.method.parse().unwrap(), server.url(&path));
        if let Some(body) = body {
            request = request.body(body.to_owned());
        }
        if self.needs_account() { server.as_user(streamer, request).await } else { Reply::of(request).await }
    }

    /// Fails unless the document names the status of the reply and describes its body.
    #[track_caller]
    fn assert_says(&self, reply: &Reply) {
        let said = &self.says["responses"][reply.status.to_string()];
        assert!(said.is_object(), "{} {} does not say {}", self.method, self.path, reply.status);
        let kind = reply.header("content-type").split(';').next().unwrap();
        let known = reply.body.is_empty() || said["content"][kind].is_object();
        assert!(known, "{} {}: {} is {kind}", self.method, self.path, reply.status);
        if kind == "application/json" && reply.status >= 400 {
            let schema = &said["content"][kind]["schema"]["$ref"];
            assert_eq!(schema, "#/components/schemas/ErrorResponse", "{} {}", self.method, self.path);
        }
    }
}

#[tokio::test]
async fn the_document_is_served_and_changes_only_on_purpose() {
    let server = TestServer::start().await;
    let answer = server.get("/api/v1/openapi.json").await;
    assert_eq!((answer.status, answer.header("content-type")), (200, "application/json"));
    assert_eq!(answer.json(), document());
    insta::assert_json_snapshot!(document(), {".info.version" => "[version]"});
}

/// Collects every `$ref` within the value.
fn references<'a>(value: &'a Value, found: &mut BTreeSet<&'a str>) {
    match value {
        Value::Object(fields) => {
            found.extend(fields.get("$ref").and_then(Value::as_str));
            fields.values().for_each(|field| references(field, found));
        }
        Value::Array(items) => items.iter().for_each(|item| references(item, found)),
        _ => {}
    }
}

#[test]
fn the_document_is_complete_in_itself() {
    let document = document();
    let mut found = BTreeSet::new();
    references(&document, &mut found);
    for reference in found {
        let place = reference.strip_prefix('#').unwrap();
        assert!(document.pointer(place).is_some(), "{reference} leads nowhere");
    }
    let mut ids = BTreeSet::new();
    for operation in Operation::all() {
        let Operation { method, path, says } = &operation;
        assert!(
            says["summary"].as_str().is_some_and(|text| text.len() > 10),
            "{method} {path} is undescribed"
        );
        assert!(
            ids.insert(says["operationId"].as_str().unwrap().to_owned()),
            "{method} {path}: id used twice"
        );
        for (status, response) in says["responses"].as_object().unwrap() {
            assert!(response["description"].is_string(), "{method} {path} does not describe {status}");
        }
        let parameters: Vec<(&str, &str)> = says["parameters"]
            .as_array()
            .into_iter()
            .flatten()
            .map(|parameter| (parameter["in"].as_str().unwrap(), parameter["name"].as_str().unwrap()))
            .collect();
        let unique: BTreeSet<_> = parameters.iter().collect();
        assert_eq!(unique.len(), parameters.len(), "{method} {path}: {parameters:?}");
        let in_path = parameters.iter().filter(|(place, _)| *place == "path");
        assert_eq!(in_path.clone().count(), path.matches('{').count(), "{method} {path}: {parameters:?}");
        for (_, name) in in_path {
            assert!(path.contains(&format!("{{{name}}}")), "{method} {path}: {name}");
        }
    }
}

/// For good and bad requests, the route exists and the document describes the answer.
#[tokio::test]
async fn every_documented_operation_is_routed_and_answers_as_it_says() {
    let server = TestServer::start().await;
    let large = " ".repeat(40_000);
    for operation in Operation::all() {
        // Each operation gets its own screen, because some operations change the screen.
        let (streamer, _) = server.streamer_in(1).await;
        server.data(&streamer.token).await;
        let token = streamer.token.as_str();
        let body = operation.takes_body().then_some("{}");
        let mut answered = vec![operation.send(&server, &streamer, token, body).await];
        assert_ne!(answered[0].status, 400, "{} {}", operation.method, operation.path);
        if operation.path.contains("{token}") {
            answered.push(operation.send(&server, &streamer, "unknown", body).await);
            assert_eq!(answered[1].status, 404, "{} {}", operation.method, operation.path);
        }
        if operation.needs_account() {
            let request =
                server.client.request(operation.method.parse().unwrap(), server.url(&operation.path));
            let signed_out = Reply::of(request).await;
            signed_out.assert_error(401, "UNAUTHENTICATED");
            answered.push(signed_out);
        }
        if operation.takes_body() {
            for (body, status) in [("[]", 400), ("{", 400), (large.as_str(), 413)] {
                let refused = operation.send(&server, &streamer, token, Some(body)).await;
                assert_eq!(refused.status, status, "{} {}", operation.method, operation.path);
                answered.push(refused);
            }
        }
        for reply in &answered {
            let is_routed = reply.status != 404 || !reply.body.contains("ROUTE_NOT_FOUND");
            assert!(is_routed, "{} {}", operation.method, operation.path);
            operation.assert_says(reply);
        }
    }
}

/// RFC 9110: a method that a path does not support is answered with 405, and `Allow` lists the supported ones.
#[tokio::test]
async fn every_other_method_is_refused_with_the_methods_that_there_are() {
    let server = TestServer::start().await;
    let (streamer, _) = server.streamer_in(1).await;
    let mut paths: BTreeMap<String, Vec<Operation>> = BTreeMap::new();
    for operation in Operation::all() {
        paths.entry(operation.path.clone()).or_default().push(operation);
    }
    for (path, operations) in paths {
        let mut methods: Vec<&str> = operations.iter().map(|operation| operation.method.as_str()).collect();
        if methods.contains(&"GET") {
            methods.push("HEAD");
        }
        methods.sort_unstable();
        for method in ["GET", "HEAD", "POST", "PUT", "PATCH", "DELETE", "OPTIONS", "TRACE", "BREW"] {
            let tried =
                Operation { method: method.to_owned(), path: path.clone(), says: operations[0].says.clone() };
            let reply = tried.send(&server, &streamer, &streamer.token, None).await;
            if methods.contains(&method) {
                assert_ne!(reply.status, 405, "{method} {path}");
                continue;
            }
            assert_eq!(reply.status, 405, "{method} {path}: {}", reply.body);
            let mut allowed: Vec<&str> = reply.header("allow").split(", ").collect();
            allowed.sort_unstable();
            assert_eq!(allowed, methods, "{method} {path}");
            if method != "HEAD" {
                reply.assert_error(405, "METHOD_NOT_ALLOWED");
                operations[0].assert_says(&reply);
            }
        }
    }
}

/// Every path that answers GET also answers HEAD.
#[tokio::test]
async fn what_answers_get_answers_head_alike() {
    let server = TestServer::start().await;
    let (streamer, _) = server.streamer_in(1).await;
    server.data(&streamer.token).await;
    for get in Operation::all().into_iter().filter(|operation| operation.method == "GET") {
        let answer = get.send(&server, &streamer, &streamer.token, None).await;
        let head = Operation { method: "HEAD".to_owned(), ..get };
        let reply = head.send(&server, &streamer, &streamer.token, None).await;
        assert_eq!((reply.status, reply.body.as_str()), (answer.status, ""), "{}", head.path);
        for header in ["content-type", "content-length", "etag", "location", "cache-control"] {
            assert_eq!(reply.header(header), answer.header(header), "{} {header}", head.path);
        }
    }
}

/// A misspelt key is refused and not ignored silently. Links that people follow ignore unknown keys, because platforms add their
/// own.
#[tokio::test]
async fn a_query_key_that_is_unknown_or_there_twice_is_refused_unless_the_document_says_otherwise() {
    let server = TestServer::start().await;
    for operation in Operation::all() {
        let (streamer, _) = server.streamer_in(1).await;
        server.data(&streamer.token).await;
        let lenient = operation.says["x-ignores-unknown-query-keys"] == true;
        let known = operation.says["parameters"].as_array().into_iter().flatten();
        let known = known.filter(|parameter| parameter["in"] == "query");
        let twice = known.map(|parameter| {
            let name = parameter["name"].as_str().unwrap();
            format!("{name}=1&{name}=1")
        });
        for query in twice.chain(["fbclid=x".to_owned()]) {
            let path = format!("{}?{query}", operation.path);
            let asked = Operation { path, method: operation.method.clone(), says: operation.says.clone() };
            let reply =
                asked.send(&server, &streamer, &streamer.token, operation.takes_body().then_some("{}")).await;
            let case = format!("{} {}", asked.method, asked.path);
            assert_eq!(reply.status == 400, !lenient, "{case}: {} {}", reply.status, reply.body);
            operation.assert_says(&reply);
        }
    }
}

/// Programs rely on the codes and people on the messages: each error has both, and no code is missing.
#[tokio::test]
async fn every_error_code_has_its_status_and_its_message() {
    let server = TestServer::start().await;
    let (streamer, _) = server.streamer_in(1).await;
    let brand = server.streamer_with(|user| user.role = gametriggers_types::Role::Brand).await;
    let inactive = server.streamer_with(|user| user.is_active = false).await;
    let mut gone = server.streamer().await;
    gone.user.id = "6864d4187d06a675f2abb714".parse().unwrap();
    let (me, overlay) = ("/api/v1/users/me", format!("/api/v1/overlay/{}", streamer.token));
    let (data, click, qr) = (format!("{overlay}/data"), format!("{overlay}/click"), format!("{overlay}/qr"));
    let settings = format!("{me}/overlay");
    let mut replies = vec![
        Reply::of(server.client.delete(server.url(me))).await,
        server.get("/uploads/a.png").await,
        server.get(&qr).await,
        server.get("/api/v1/overlay/unknown/data").await,
        server.get("/api/v1/nothing").await,
        server.get(me).await,
        server.get_as(&gone, me).await,
        server.get_as(&inactive, me).await,
        server.get_as(&brand, &settings).await,
        server.get_as(&streamer, &format!("{settings}/status?overlayToken=x")).await,
        server.put_as(&streamer, &settings, json!({"opacity": 5})).await,
        Reply::of(server.client.post(server.url(&click)).body("{")).await,
        Reply::of(server.client.post(server.url(&click)).body(" ".repeat(40_000))).await,
        server.post(&click, json!({"receipt": "d1.forged"})).await,
        Reply::of(server.client.post(server.url(&click)).header("Content-Encoding", "gzip").body("{}")).await,
    ];
    let shown = server.data(&streamer.token).await;
    server.clock.advance_seconds(1_000);
    replies.push(server.click(&streamer.token, &shown).await);
    server.store.make_unreadable(Documents::Decisions).await;
    replies.push(server.get(&data).await);
    server.store.forget_migrations().await;
    replies.push(server.get("/health/ready").await);
    let mut errors: BTreeMap<String, Value> = BTreeMap::new();
    for reply in replies {
        let error = reply.json();
        reply.assert_error(reply.status, error["code"].as_str().unwrap());
        errors.insert(error["code"].as_str().unwrap().to_owned(), error);
    }
    insta::assert_json_snapshot!(errors);
    let document = document();
    let codes = document["components"]["schemas"]["ErrorCode"]["enum"].as_array().unwrap();
    let mut missing: Vec<_> = codes.iter().map(|code| code.as_str().unwrap()).collect();
    missing.retain(|code| !errors.contains_key(*code));
    // A viewer gets a page instead of the first. No endpoint takes a value that must be unique, which is the second. The others
    // take a slow client, and one who asks too often.
    assert_eq!(missing, ["UNKNOWN_LINK", "ALREADY_EXISTS", "BODY_TOO_SLOW", "RATE_LIMITED"]);
}

/// The table of strategies in `docs/api.md` is the registry's. With `INSTA_UPDATE=always`, which accepts snapshots, this test
/// writes the table.
#[test]
fn the_strategies_in_the_documentation_are_those_of_the_registry() {
    const FILE: &str = concat!(env!("CARGO_MANIFEST_DIR"), "/../../docs/api.md");
    const BEGIN: &str =
        "<!-- The table is made from the registry of strategies: `just bless openapi`. -->\n\n";
    const END: &str = "\n<!-- End of the table. -->";
    let page = fs::read_to_string(FILE).unwrap();
    let (before, rest) = page.split_once(BEGIN).unwrap();
    let (table, after) = rest.split_once(END).unwrap();
    let expected = strategies_table();
    if env::var_os("INSTA_UPDATE").is_some_and(|update| update == "always") {
        fs::write(FILE, format!("{before}{BEGIN}{expected}{END}{after}")).unwrap();
    } else {
        assert_eq!(
            table, expected,
            "run `just bless openapi`, or `INSTA_UPDATE=always cargo xtask test --test suite openapi`"
        );
    }
}

/// A row for each strategy, and a list of its parameters.
fn strategies_table() -> String {
    let mut table = "| strategy | what it does | parameters |\n| --- | --- | --- |\n".to_owned();
    for strategy in selection::all() {
        let about = |parameter: &Parameter| {
            let default = match parameter {
                Parameter::Number(number) => format!("default {}", number.default),
                Parameter::PriorityWeight(weight) => {
                    format!("default {}", (weight.of)(PriorityWeights::default()).value())
                }
                Parameter::Dayparts(_) => "by default none".to_owned(),
            };
            let (name, description, range) = (parameter.name(), parameter.description(), parameter.range());
            format!("`{name}`: {description} ({range}; {default})")
        };
        let parameters: Vec<_> = strategy.parameters().iter().map(about).collect();
        let (name, description) = (strategy.name(), strategy.description());
        writeln!(table, "| `{name}` | {description} | {} |", parameters.join("<br>")).unwrap();
    }
    table
}
