//! `demo`, as used by somebody who has just cloned the repository.

use reqwest::{Client, Method};
use serde_json::{Value, json};

use super::process::{Finished, Folder, Running};
use crate::support::Reply;

/// A running demo and what it printed.
struct Demo {
    process: Running,
    overlay: String,
    bearer: String,
    commands: Vec<String>,
}

impl Demo {
    /// Starts the demo without any configuration except a free port.
    fn start(folder: &Folder) -> Self {
        let mut command = folder.command(&["demo"]);
        command.env_remove("GAMETRIGGERS__AUTH__JWT_SECRET");
        let mut process = Running::start(command);
        let text = process.printed(|text| text.contains("Ctrl-C").then(|| text.to_owned()));
        let lines: Vec<_> = text.lines().map(str::trim).collect();
        let after = |heading: &str| {
            let heading = lines.iter().position(|line| line.starts_with(heading)).unwrap();
            lines[heading + 1].to_owned()
        };
        let commands = lines.iter().filter(|line| line.starts_with("curl ")).map(|&line| line.to_owned());
        Self {
            overlay: after("Overlay"),
            bearer: after("Bearer token"),
            commands: commands.collect(),
            process,
        }
    }

    /// Runs a command exactly as it was printed.
    async fn run(&self, command: &str) -> Reply {
        let mut words = words(command).into_iter().skip(1);
        let (mut method, mut headers, mut url) = (Method::GET, Vec::new(), None);
        while let Some(word) = words.next() {
            match word.as_str() {
                "-s" => {}
                "-X" => method = words.next().unwrap().parse().unwrap(),
                "-H" => headers.push(words.next().unwrap()),
                _ if url.is_none() && word.starts_with("http://") => url = Some(word),
                _ => panic!("{word} in {command}"),
            }
        }
        let request = Client::new().request(method, url.unwrap());
        let request = headers.iter().fold(request, |request, header| {
            let (name, value) = header.split_once(": ").unwrap();
            request.header(name, value)
        });
        Reply::of(request).await
    }

    async fn data(&self) -> Value {
        Reply::of(Client::new().get(format!("{}/data", self.overlay))).await.json()
    }

    /// Clicks on the content of the screen.
    async fn click(&self, event_id: &str) -> Reply {
        let body = json!({"receipt": self.data().await["receipt"], "eventId": event_id});
        Reply::of(Client::new().post(format!("{}/click", self.overlay)).json(&body)).await
    }

    /// The campaigns that the streamer of this bearer token has joined.
    async fn joined(&self, bearer: &str) -> Value {
        let (host, _) = self.overlay.split_once("/overlay/").unwrap();
        let request = Client::new().get(format!("{host}/campaigns/streamer/active"));
        let reply = Reply::of(request.bearer_auth(bearer)).await;
        assert_eq!(reply.status, 200, "{}", reply.body);
        reply.json()
    }

    /// Interrupts the demo like Ctrl-C.
    fn interrupt(self) -> Finished {
        let token = self.overlay.rsplit('/').next().unwrap().to_owned();
        let ended = self.process.end("INT");
        assert_eq!(ended.code, Some(0), "{}", ended.stderr);
        assert!(ended.stdout.ends_with("The demo has ended.\n"), "{}", ended.stdout);
        assert!(!ended.stderr.contains(&token) && !ended.stderr.contains(&self.bearer));
        ended
    }
}

/// Splits a command line into words. Single quotes keep words together.
fn words(line: &str) -> Vec<String> {
    let quoted = line.split('\'').enumerate();
    quoted
        .flat_map(|(place, part)| match place % 2 {
            0 => part.split_whitespace().map(str::to_owned).collect(),
            _ => vec![part.to_owned()],
        })
        .collect()
}

#[tokio::test]
async fn the_demo_works_without_configuration_and_its_three_commands_as_printed() {
    let folder = Folder::new();
    let demo = Demo::start(&folder);
    assert_eq!(demo.commands.len(), 3, "{:?}", demo.commands);
    let page = Reply::of(Client::new().get(&demo.overlay)).await;
    assert_eq!((page.status, page.header("content-type")), (200, "text/html; charset=utf-8"));

    let (shown, clicked) = loop {
        let shown = demo.run(&demo.commands[0]).await;
        let clicked = demo.run(&demo.commands[1]).await;
        // A minute may have ended in between. Then nothing was on screen for a moment.
        if clicked.json()["reason"] != "nothing-on-screen" {
            break (shown.json(), clicked);
        }
    };
    assert_eq!(shown["kind"], "campaign");
    clicked.assert_event("counted", None);
    let joined = demo.run(&demo.commands[2]).await;
    assert_eq!(joined.status, 200, "{}", joined.body);
    let joined = joined.json();
    let joined = joined.as_array().unwrap();
    assert!(joined.len() >= 3);
    assert!(joined.iter().any(|pair| pair["participation"]["clicks"] == 1));

    let host = demo.overlay.split_once("/api/").unwrap().0;
    let mut types = Vec::new();
    for pair in joined {
        let campaign = &pair["campaign"];
        let media =
            Reply::of(Client::new().get(format!("{host}{}", campaign["mediaUrl"].as_str().unwrap()))).await;
        let beginning: &[u8] = match media.header("content-type") {
            "image/png" => b"\x89PNG",
            "video/webm" => b"\x1a\x45\xdf\xa3",
            other => panic!("{other}"),
        };
        assert!(media.status == 200 && media.bytes.starts_with(beginning), "{campaign}");
        assert_eq!(media.header("content-type").split('/').next(), campaign["mediaType"].as_str());
        types.push(campaign["mediaType"].clone());
    }
    assert!(types.contains(&json!("image")) && types.contains(&json!("video")), "{types:?}");

    demo.interrupt();
    let kept: Vec<_> = std::fs::read_dir(folder.path().join("data")).unwrap().collect();
    let kept: Vec<_> =
        kept.into_iter().map(|entry| entry.unwrap().file_name().into_string().unwrap()).collect();
    assert!(kept.iter().all(|name| name.starts_with("demo.")), "a real store is left alone: {kept:?}");
}

#[tokio::test]
async fn a_second_start_of_the_demo_keeps_what_the_first_one_stored() {
    let folder = Folder::new();
    let first = Demo::start(&folder);
    let shown = first.data().await;
    let path = |demo: &Demo| demo.overlay.split_once("/api/").unwrap().1.to_owned();
    let (overlay, bearer) = (path(&first), first.bearer.clone());
    first.click("one").await.assert_event("counted", None);
    first.click("two").await.assert_event("counted", None);
    let before = first.joined(&bearer).await;
    first.interrupt();

    let second = Demo::start(&folder);
    assert_eq!(path(&second), overlay);
    assert_eq!(second.joined(&bearer).await, before);
    second.click("two").await.assert_event("duplicate", None);
    let body = json!({"receipt": shown["receipt"], "eventId": "three"});
    let clicked = Reply::of(Client::new().post(format!("{}/click", second.overlay)).json(&body)).await;
    clicked.assert_event("counted", None);
    assert_eq!(clicked.json()["participationId"], shown["participationId"]);
    let clicks = |joined: &Value| -> u64 {
        let pairs = joined.as_array().unwrap().iter();
        pairs.map(|pair| pair["participation"]["clicks"].as_u64().unwrap()).sum()
    };
    assert_eq!(clicks(&second.joined(&second.bearer).await), 3);
    let ended = second.interrupt();
    assert!(ended.stdout.contains(&overlay));
    let mut command = folder.command(&["reconcile"]);
    command.env("GAMETRIGGERS__STORAGE__URL", "sqlite://data/demo.db");
    let reconciled = Running::start(command).wait();
    assert_eq!((reconciled.code, reconciled.stdout.as_str()), (Some(0), "no difference\n"));
}

/// Somebody with their own running demo can run another one beside it.
#[tokio::test]
async fn two_demos_on_one_store_show_the_same() {
    let folder = Folder::new();
    let (first, second) = (Demo::start(&folder), Demo::start(&folder));
    let same = async || {
        let (before, other, after) = (first.data().await, second.data().await, first.data().await);
        (before == after).then_some((before, other))
    };
    let (one, other) = match same().await {
        Some(pair) => pair,
        // A minute has ended in between.
        None => same().await.unwrap(),
    };
    assert_eq!(one, other);
    first.interrupt();
    second.interrupt();
}
